#include "gateways/transport/connection.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "domain/check.h"
#include "gateways/transport/http_message.h"
#include "gateways/transport/url.h"

namespace halcyon::gateways::transport {
namespace {

/// Bytes read at a time during the handshake; what comes behind it must fit a fresh FrameReader.
constexpr std::size_t handshake_read = 4096;
static_assert(handshake_read + HttpReader::max_header < 3 * FrameReader::min_read);
/// A refusal's body is for the log: more of it is not read.
constexpr std::size_t max_refusal_body = std::size_t{64} << 10;
constexpr std::size_t refusal_words = 200;

template <std::size_t size>
std::array<unsigned char, size> random_bytes() {
  std::array<unsigned char, size> bytes{};
  HALCYON_CHECK(RAND_bytes(bytes.data(), static_cast<int>(size)) == 1,
                "the system has random numbers");
  return bytes;
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  for (const unsigned char byte : random_bytes<8>()) seed = seed << 8 | byte;
  return seed;
}

std::string base64(std::span<const unsigned char> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL adds a zero
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// RFC 6455 section 4.2.2, item 5.4.
std::string expected_accept(std::string_view key) {
  const std::string text = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HALCYON_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1,
      "OpenSSL has SHA-1");
  return base64({digest.data(), size});
}

/// The beginning of a foreign text, fit for one line of a log.
std::string one_line(std::string_view text) {
  std::string line{text.substr(0, refusal_words)};
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
  return line;
}

}  // namespace

Connection::Connection(std::unique_ptr<TlsStream> stream, const Limits& limits, std::uint64_t seed)
    : stream_(std::move(stream)),
      reader_(limits.max_message_bytes),
      writer_(limits.max_queued_bytes, seed) {}

std::unique_ptr<Connection> Connection::open(const Endpoint& endpoint, const Trust& trust,
                                             const Deadline& deadline, const Limits& limits,
                                             OpenFailure& failure) {
  failure = {};
  auto stream = TlsStream::connect(endpoint, trust, deadline, failure.words);
  if (!stream) return nullptr;
  std::unique_ptr<Connection> connection{new Connection{std::move(stream), limits, random_seed()}};
  if (!connection->upgrade(endpoint, deadline, failure)) return nullptr;
  return connection;
}

bool Connection::upgrade(const Endpoint& endpoint, const Deadline& deadline, OpenFailure& failure) {
  const std::string& name = stream_->name();
  const std::string key = base64(random_bytes<16>());
  const std::vector<std::pair<std::string, std::string>> headers{
      {"Upgrade", "websocket"},
      {"Connection", "Upgrade"},
      {"Sec-WebSocket-Key", key},
      {"Sec-WebSocket-Version", "13"},
  };
  std::string error;
  const std::string request = encode_request("GET", endpoint.path, endpoint, headers, {}, error);
  if (request.empty()) {
    failure.words = fmt::format("{}: {}", name, error);
    return false;
  }
  if (stream_->write_before(request, deadline).status != TlsStream::Status::ok) {
    failure.words = fmt::format("{} (during the WebSocket handshake)", stream_->why());
    return false;
  }

  HttpReader response{max_refusal_body};
  std::array<char, handshake_read> buffer{};
  HttpReader::State state = HttpReader::State::more;
  std::string cut;
  while (state == HttpReader::State::more) {
    const auto result = stream_->read_before(buffer, deadline);
    if (result.status != TlsStream::Status::ok) {
      cut = stream_->why();
      break;
    }
    state = response.put({buffer.data(), result.bytes});
  }
  if (!response.has_header()) {
    failure.words = cut.empty() ? fmt::format("{}: the answer to the WebSocket handshake is {}",
                                              name, response.error())
                                : fmt::format("{} (during the WebSocket handshake)", cut);
    return false;
  }
  if (response.status() != 101) {
    failure.http_status = response.status();
    failure.retry_after = retry_after(response.header("Retry-After"));
    failure.words = fmt::format("{}: HTTP {} for {} instead of a WebSocket: {}", name,
                                response.status(), endpoint.path, one_line(response.body()));
    if (failure.retry_after > domain::Duration::zero()) {
      fmt::format_to(std::back_inserter(failure.words), " (to be tried again after {} s)",
                     std::chrono::duration_cast<std::chrono::seconds>(failure.retry_after).count());
    }
    return false;
  }
  std::string_view wrong;
  if (!has_token(response.header("Upgrade"), "websocket")) {
    wrong = "no \"Upgrade: websocket\"";
  } else if (!has_token(response.header("Connection"), "upgrade")) {
    wrong = "no \"Connection: Upgrade\"";
  } else if (response.header("Sec-WebSocket-Accept") != expected_accept(key)) {
    wrong = "a wrong Sec-WebSocket-Accept";
  } else if (!response.header("Sec-WebSocket-Extensions").empty()) {
    wrong = "an extension that was not asked for";
  } else if (!response.header("Sec-WebSocket-Protocol").empty()) {
    wrong = "a subprotocol that was not asked for";
  }
  if (!wrong.empty()) {
    failure.words = fmt::format("{}: the answer to the WebSocket handshake has {}", name, wrong);
    return false;
  }

  const std::string_view rest = response.rest();
  const auto room = reader_.prepare();
  HALCYON_CHECK(rest.size() <= room.size(), "what comes behind the handshake fits");
  std::copy(rest.begin(), rest.end(), room.begin());
  reader_.commit(rest.size());
  counters_.bytes_in += rest.size();
  return true;
}

bool Connection::read_socket(const Clock& clock) {
  const TlsStream::Result result = stream_->read(reader_.prepare());
  if (result.status == TlsStream::Status::ok) [[likely]] {
    received_ = clock.now();
    reader_.commit(result.bytes);
    counters_.bytes_in += result.bytes;
    return true;
  }
  if (result.status == TlsStream::Status::closed) {
    if (state_ == State::open) {
      why_ = stream_->why();
    } else {
      why_ = fmt::format("{}: closed by us: {}", stream_->name(), why_);
    }
    state_ = State::closed;
  }
  return false;
}

bool Connection::on_control(FrameReader::Item item, const Frame& frame) {
  if (item == FrameReader::Item::pong) return true;
  if (item == FrameReader::Item::ping) {
    ++counters_.pings;
    if (state_ == State::open) {
      std::copy_n(frame.data, frame.size, pong_.data());
      pong_size_ = frame.size;
      has_pong_ = true;
      flush();
    }
    return true;
  }
  const std::string code = close_code_text(reader_.close_code());
  if (item == FrameReader::Item::close) {
    if (state_ == State::closing) {
      why_ = fmt::format("{}: closed by us: {}", stream_->name(), why_);
    } else {
      queue_close(reader_.close_code(), {});
      why_ = fmt::format("{}: closed by the other side: {}{}{}", stream_->name(), code,
                         reader_.why().empty() ? "" : ": ", reader_.why());
    }
  } else {
    if (state_ == State::open) queue_close(reader_.close_code(), reader_.why());
    why_ = fmt::format("{}: the other side broke the WebSocket protocol: {}", stream_->name(),
                       reader_.why());
  }
  state_ = State::closed;
  return false;
}

/// Best effort: the frame that goes out before a state is left.
void Connection::queue_close(std::uint16_t code, std::string_view reason) {
  const auto no_status = static_cast<std::uint16_t>(CloseCode::no_status);
  has_pong_ = false;
  writer_.write(FrameWriter::Opcode::close,
                code == no_status ? std::string{} : close_payload(CloseCode{code}, reason));
  flush();
}

Sent Connection::send(std::string_view text) {
  if (state_ != State::open) return Sent::closed;
  if (!writer_.write(FrameWriter::Opcode::text, text)) {
    flush();
    if (state_ != State::open) return Sent::closed;
    if (!writer_.write(FrameWriter::Opcode::text, text)) {
      ++counters_.sends_refused;
      return Sent::full;
    }
  }
  ++counters_.messages_out;
  flush();
  return writer_.empty() ? Sent::handed_over : Sent::queued;
}

void Connection::flush() {
  if (writer_.size() > counters_.max_queued_bytes) counters_.max_queued_bytes = writer_.size();
  while (state_ != State::closed) {
    if (has_pong_ && writer_.write(FrameWriter::Opcode::pong, {pong_.data(), pong_size_})) {
      has_pong_ = false;
    }
    if (writer_.empty()) return;
    const TlsStream::Result result = stream_->write(writer_.pending());
    if (result.status == TlsStream::Status::would_block) return;
    if (result.status == TlsStream::Status::closed) {
      why_ = stream_->why();
      state_ = State::closed;
      return;
    }
    writer_.consume(result.bytes);
    counters_.bytes_out += result.bytes;
  }
}

void Connection::close(CloseCode code, std::string_view reason) {
  if (state_ != State::open) return;
  why_ = fmt::format("{}{}{}", close_code_text(static_cast<std::uint16_t>(code)),
                     reason.empty() ? "" : ": ", reason);
  state_ = State::closing;
  queue_close(static_cast<std::uint16_t>(code), reason);
}

void Connection::drop(std::string_view why) {
  if (state_ == State::closed) return;
  why_ = fmt::format("{}: dropped by us: {}", stream_->name(), why);
  state_ = State::closed;
}

}  // namespace halcyon::gateways::transport
