#include "gateways/transport/rest_client.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "gateways/transport/http_message.h"
#include "gateways/transport/url.h"

namespace halcyon::gateways::transport {
namespace {

constexpr std::size_t read_size = std::size_t{16} << 10;

}  // namespace

RestClient::RestClient(Trust trust, const Limits& limits)
    : trust_(std::move(trust)), limits_(limits) {}

RestClient::~RestClient() = default;

std::unique_ptr<TlsStream> RestClient::take_kept(const std::string& name) {
  const auto found =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.name == name; });
  if (found == kept_.end()) return nullptr;
  Kept kept = std::move(*found);
  kept_.erase(found);
  if (monotonic_now() - kept.idle_since > limits_.max_idle) return nullptr;
  // A living idle connection has nothing to say. Bytes here would be taken for the next answer.
  char byte = 0;
  if (kept.stream->read({&byte, 1}).status != TlsStream::Status::would_block) return nullptr;
  return std::move(kept.stream);
}

void RestClient::keep(std::string name, std::unique_ptr<TlsStream> stream) {
  if (kept_.size() == max_kept) kept_.erase(kept_.begin());
  kept_.push_back({std::move(name), std::move(stream), monotonic_now()});
}

bool RestClient::exchange(TlsStream& stream, const std::string& bytes, const Deadline& deadline,
                          const Clock& clock, HttpReader& response, RestAnswer& answer) {
  answer.sent = clock.now();
  const bool is_written = stream.write_before(bytes, deadline).status == TlsStream::Status::ok;
  // A server may refuse before it has read everything, and then cut: its words count.
  if (!is_written && !stream.why().empty()) answer.error = stream.why();
  std::array<char, read_size> buffer{};
  HttpReader::State state = HttpReader::State::more;
  while (state == HttpReader::State::more) {
    const auto result = stream.read_before(buffer, deadline);
    if (result.status == TlsStream::Status::ok) {
      state = response.put({buffer.data(), result.bytes});
      continue;
    }
    // Without a goodbye nobody knows whether a body that ends with the connection is whole.
    const bool is_whole = result.status == TlsStream::Status::closed &&
                          stream.has_ended_cleanly() && response.has_started() &&
                          response.end() == HttpReader::State::done;
    if (!is_whole) {
      if (answer.error.empty()) answer.error = stream.why();
      if (response.has_started()) answer.error += " (in the middle of the answer)";
      return false;
    }
    state = HttpReader::State::done;
  }
  answer.received = clock.now();
  if (state == HttpReader::State::failed) {
    answer.error = fmt::format("{}: the answer is {}", stream.name(), response.error());
    return false;
  }
  answer.error.clear();
  return true;
}

RestAnswer RestClient::execute(const Endpoint& host, const RestRequest& request,
                               const Deadline& deadline, const Clock& clock) {
  RestAnswer answer;
  answer.tag = request.tag;
  const std::string name = host_and_port(host);
  const std::string bytes = encode_request(request.method, request.target, host, request.headers,
                                           request.body, answer.error);
  if (bytes.empty()) {
    answer.error = fmt::format("{}: {}", name, answer.error);
    answer.sent = answer.received = clock.now();
    return answer;
  }

  std::unique_ptr<TlsStream> stream = take_kept(name);
  const bool may_repeat = stream != nullptr && request.method == "GET";
  std::optional<HttpReader> response;
  for (bool is_first = true;; is_first = false) {
    if (!stream) {
      answer.sent = clock.now();
      stream = TlsStream::connect(host, trust_, deadline, answer.error);
      if (!stream) {
        answer.received = clock.now();
        return answer;
      }
    }
    response.emplace(limits_.max_body_bytes, request.method != "HEAD");
    answer.error.clear();
    if (exchange(*stream, bytes, deadline, clock, *response, answer)) break;
    const bool is_stale = is_first && may_repeat && !response->has_started();
    if (!is_stale || deadline.has_passed()) {
      answer.received = clock.now();
      return answer;
    }
    stream.reset();
  }

  take_head(*response, request.number_header, answer);
  const bool is_kept = response->is_kept_alive() && response->rest().empty();
  std::string body = response->take_body();
  if (is_kept) keep(name, std::move(stream));
  if (request.decode != nullptr && !body.empty()) {
    body.reserve(body.size() + Frame::padding);
    request.decode(request.context, body, answer);
  }
  return answer;
}

}  // namespace halcyon::gateways::transport
