#include "gateways/transport/rest_lines.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "gateways/transport/http_message.h"

namespace halcyon::gateways::transport {

namespace {

constexpr std::size_t read_size = std::size_t{16} << 10;

}  // namespace

RestLines::Line::Line() = default;
RestLines::Line::~Line() = default;

RestLines::RestLines(std::size_t wanted, std::string_view number_header)
    : wanted_(std::min(wanted, max_lines)), number_header_(number_header) {
  lines_.reserve(max_lines);
}

RestLines::~RestLines() = default;

bool RestLines::wants_line(domain::Timestamp now) const {
  return lines_.size() + opening_ < wanted_ && now >= retry_at_;
}

void RestLines::adopt(std::unique_ptr<TlsStream> stream, domain::Timestamp now) {
  if (opening_ > 0) --opening_;
  auto line = std::make_unique<Line>();
  line->stream = std::move(stream);
  line->used = line->looked = now;
  lines_.push_back(std::move(line));
  retry_ = first_retry;
  ++counters_.opened;
}

void RestLines::failed(domain::Timestamp now) {
  if (opening_ > 0) --opening_;
  retry_at_ = now + retry_;
  retry_ = std::min<domain::Duration>(retry_ * 2, longest_retry);
}

std::size_t RestLines::idle() const {
  return static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(),
                                                [](const auto& line) { return line->is_idle(); }));
}

bool RestLines::is_silent(Line& line) {
  char byte = 0;
  if (line.stream->read({&byte, 1}).status == TlsStream::Status::would_block) return true;
  line.is_closed = true;
  return false;
}

bool RestLines::begin(std::uint32_t tag, std::string_view bytes, bool keeps_warm,
                      domain::Timestamp now) {
  for (;;) {
    Line* chosen = nullptr;
    for (const auto& line : lines_) {
      if (!line->is_idle()) continue;
      const bool is_better =
          chosen == nullptr || (keeps_warm ? line->used < chosen->used : line->used > chosen->used);
      if (is_better) chosen = line.get();
    }
    if (chosen == nullptr) {
      ++counters_.refused;
      return false;
    }
    // A connection that the server has closed meanwhile has not seen the call.
    if (!is_silent(*chosen)) continue;
    const auto written = chosen->stream->write(bytes);
    const std::size_t done = written.status == TlsStream::Status::ok ? written.bytes : 0;
    // From here on nobody can say that no byte has left; a break shows when it is read from.
    chosen->unwritten.assign(bytes.substr(done));
    chosen->tag = tag;
    chosen->sent = chosen->used = now;
    chosen->deadline = now + answer_time_out;
    chosen->response = std::make_unique<HttpReader>(max_body);
    ++counters_.calls;
    return true;
  }
}

bool RestLines::end(Line& line, std::string error, const Clock& clock) {
  RestAnswer& answer = line.answer.emplace();
  answer.tag = line.tag;
  answer.sent = line.sent;
  answer.received = clock.now();
  if (error.empty()) {
    take_head(*line.response, number_header_, answer);
    line.is_closed = !line.response->is_kept_alive() || !line.response->rest().empty() ||
                     !line.unwritten.empty();
    answer.body = line.response->take_body();
    answer.body.reserve(answer.body.size() + Frame::padding);
  } else {
    answer.error = std::move(error);
    line.is_closed = true;
    ++counters_.cut;
  }
  line.response.reset();
  line.unwritten.clear();
  line.used = line.looked = answer.received;
  return true;
}

bool RestLines::turn(Line& line, const Clock& clock, domain::Timestamp now) {
  if (line.is_closed) return false;
  if (line.response == nullptr) {
    if (now >= line.looked + idle_look) {
      line.looked = now;
      static_cast<void>(is_silent(line));
    }
    return false;
  }
  if (!line.unwritten.empty()) {
    const auto written = line.stream->write(line.unwritten);
    if (written.status == TlsStream::Status::ok) line.unwritten.erase(0, written.bytes);
  }
  std::array<char, read_size> buffer;
  for (;;) {
    const auto result = line.stream->read(buffer);
    if (result.status == TlsStream::Status::ok) {
      switch (line.response->put({buffer.data(), result.bytes})) {
        case HttpReader::State::more:
          continue;
        case HttpReader::State::done:
          return end(line, {}, clock);
        case HttpReader::State::failed:
          return end(
              line,
              fmt::format("{}: the answer is {}", line.stream->name(), line.response->error()),
              clock);
      }
    }
    if (result.status == TlsStream::Status::would_block) {
      return now >= line.deadline &&
             end(line, fmt::format("{}: no answer in time", line.stream->name()), clock);
    }
    // Without a goodbye nobody knows whether a body that ends with the connection is whole.
    const bool is_whole = line.stream->has_ended_cleanly() && line.response->has_started() &&
                          line.response->end() == HttpReader::State::done;
    const bool answered = end(line, is_whole ? std::string{} : line.stream->why(), clock);
    line.is_closed = true;
    return answered;
  }
}

domain::Timestamp RestLines::next_deadline() const {
  domain::Timestamp next = lines_.size() + opening_ < wanted_ ? retry_at_ : domain::never;
  for (const auto& line : lines_) {
    next = std::min(next, line->response == nullptr ? line->looked + idle_look : line->deadline);
  }
  return next;
}

void RestLines::watch(std::vector<::pollfd>& descriptors) const {
  for (const auto& line : lines_) {
    if (line->is_closed) continue;
    const bool wants_write = (!line->unwritten.empty() && !line->stream->write_wants_read()) ||
                             line->stream->read_wants_write();
    descriptors.push_back(
        {line->stream->fd(), static_cast<short>(wants_write ? POLLIN | POLLOUT : POLLIN), 0});
  }
}

}  // namespace halcyon::gateways::transport
