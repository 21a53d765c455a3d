#include "simulation/tape.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/json.hpp>
#include <zlib.h>

#include "domain/check.h"

namespace halcyon::simulation {

namespace json = boost::json;

namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw std::runtime_error(where + ": " + why);
}

/// What is being read, for the words of a refusal.
struct Reader {
  std::string where;

  const json::value& member(const json::object& object, const char* key) const {
    const auto* found = object.if_contains(key);
    if (found == nullptr) refuse(where, std::string{"the frame has no \""} + key + '"');
    return *found;
  }
  std::uint64_t id(const json::object& object, const char* key) const {
    const auto& value = member(object, key);
    if (!value.is_int64() || value.get_int64() < 0) {
      refuse(where, std::string{"\""} + key + "\" is not a whole number");
    }
    return static_cast<std::uint64_t>(value.get_int64());
  }
  template <class Amount>
  Amount amount(const json::value& value) const {
    if (!value.is_string()) refuse(where, "a price or quantity is not a string");
    const auto& text = value.get_string();
    const auto parsed = domain::parse<Amount>({text.data(), text.size()});
    if (!parsed || parsed->is_negative()) {
      refuse(where, "\"" + std::string{text} + "\" is not an amount");
    }
    return *parsed;
  }
  std::vector<Level> side(const json::value& value) const {
    if (!value.is_array()) refuse(where, "a side of the book is not an array");
    std::vector<Level> levels;
    levels.reserve(value.get_array().size());
    for (const auto& row : value.get_array()) {
      if (!row.is_array() || row.get_array().size() < 2) refuse(where, "a level is not a pair");
      levels.push_back({amount<Price>(row.get_array()[0]), amount<Quantity>(row.get_array()[1])});
    }
    return levels;
  }
};

using SideMap = std::map<Price, Quantity>;

void update(SideMap& side, const std::vector<Level>& levels) {
  for (const auto& level : levels) {
    if (level.quantity.is_zero()) {
      side.erase(level.price);
    } else {
      side[level.price] = level.quantity;
    }
  }
}

/// The levels that turn `from` into `to`.
std::vector<Level> difference(const SideMap& from, const SideMap& to) {
  std::vector<Level> levels;
  for (const auto& [price, quantity] : from) {
    if (!to.contains(price)) levels.push_back({price, Quantity{}});
  }
  for (const auto& [price, quantity] : to) {
    const auto found = from.find(price);
    if (found == from.end() || found->second != quantity) levels.push_back({price, quantity});
  }
  return levels;
}

/// Cuts the stale beginning, proves the ids and finds the seam.
void finish(Tape& tape, const std::string& name) {
  std::vector<TapeFrame> kept;
  kept.reserve(tape.frames.size());
  std::uint64_t depth_id = tape.snapshot_id;
  std::uint64_t trade_id = 0;
  tape.last_id = tape.snapshot_id;
  SideMap bids;
  SideMap asks;
  update(bids, tape.snapshot.bids);
  update(asks, tape.snapshot.asks);
  const SideMap first_bids = bids;
  const SideMap first_asks = asks;
  if (bids.empty() || asks.empty()) refuse(name, "the snapshot has an empty side");
  for (auto& frame : tape.frames) {
    if (auto* depth = std::get_if<TapeDepth>(&frame.what)) {
      if (depth->last_id <= depth_id) continue;  // older than the snapshot
      if (depth->first_id > depth_id + 1) {
        refuse(name, "the depth stream has a gap between " + std::to_string(depth_id) + " and " +
                         std::to_string(depth->first_id) + "; cut the recording there");
      }
      depth->first_id = depth_id + 1;
      depth_id = depth->last_id;
      update(bids, depth->levels.bids);
      update(asks, depth->levels.asks);
      tape.last_id = std::max(tape.last_id, depth_id);
    } else if (const auto* quote = std::get_if<TapeQuote>(&frame.what)) {
      if (quote->update_id <= tape.snapshot_id) continue;
      tape.last_id = std::max(tape.last_id, quote->update_id);
    } else {
      const auto& trade = std::get<TapeTrade>(frame.what);
      if (tape.trades == 0) {
        tape.first_trade_id = trade.id;
      } else if (trade.id != trade_id + 1) {
        refuse(name, "the trades have a gap between " + std::to_string(trade_id) + " and " +
                         std::to_string(trade.id) + "; cut the recording there");
      }
      trade_id = trade.id;
      ++tape.trades;
    }
    kept.push_back(std::move(frame));
  }
  if (kept.empty()) refuse(name, "there is no frame newer than the snapshot");
  const Duration start = kept.front().at;
  Duration latest{};
  for (auto& frame : kept) {
    latest = std::max(latest, frame.at - start);
    frame.at = latest;
  }
  tape.frames = std::move(kept);
  tape.last_depth_id = depth_id;
  tape.seam = {difference(bids, first_bids), difference(asks, first_asks)};
}

std::string unpack(const std::filesystem::path& file) {
  const auto name = file.string();
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> input{gzopen(name.c_str(), "rb"), &gzclose};
  if (!input) refuse(name, "cannot be opened; give a recording (.txt or .txt.gz)");
  std::string text;
  std::vector<char> part(std::size_t{1} << 20);
  for (;;) {
    const int got = gzread(input.get(), part.data(), static_cast<unsigned>(part.size()));
    if (got < 0) refuse(name, "is damaged: gzip cannot unpack it");
    if (got == 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
    if (text.size() > max_recording_bytes) refuse(name, "is longer than 2 GiB unpacked");
  }
  int state = Z_OK;
  gzerror(input.get(), &state);
  if (state != Z_OK && state != Z_STREAM_END) refuse(name, "is cut short");
  return text;
}

}  // namespace

Tape parse_tape(std::string_view text, const std::string& name) {
  Tape tape;
  bool have_snapshot = false;
  std::optional<std::int64_t> began;
  Reader reader;
  std::vector<unsigned char> memory(std::size_t{1} << 20);
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    auto row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (row.empty()) continue;
    reader.where = name + ':' + std::to_string(line);
    std::int64_t received = 0;
    const auto [rest, error] = std::from_chars(row.data(), row.data() + row.size(), received);
    if (error != std::errc{} || rest == row.data() + row.size() || *rest != ' ') {
      refuse(reader.where, "does not begin with a receive time and a blank");
    }
    row.remove_prefix(static_cast<std::size_t>(rest - row.data()) + 1);
    json::monotonic_resource arena{memory.data(), memory.size()};
    boost::system::error_code failed;
    const auto document = json::parse({row.data(), row.size()}, failed, &arena);
    if (failed || !document.is_object()) refuse(reader.where, "is not a JSON object");
    const auto& frame = document.get_object();
    if (!began) began = received;
    const auto* stream = frame.if_contains("stream");
    if (stream == nullptr) {
      if (have_snapshot) refuse(reader.where, "a second snapshot");
      have_snapshot = true;
      tape.snapshot_id = reader.id(frame, "lastUpdateId");
      tape.snapshot = {reader.side(reader.member(frame, "bids")),
                       reader.side(reader.member(frame, "asks"))};
      continue;
    }
    const auto& payload = reader.member(frame, "data");
    if (!payload.is_object()) refuse(reader.where, "\"data\" is not an object");
    const auto& data = payload.get_object();
    const auto& symbol = reader.member(data, "s");
    if (!symbol.is_string()) refuse(reader.where, "\"s\" is not a string");
    const std::string_view named{symbol.get_string().data(), symbol.get_string().size()};
    if (tape.symbol.empty()) tape.symbol = named;
    if (tape.symbol != named) refuse(reader.where, "a second symbol; one recording, one symbol");
    TapeFrame next{Duration{received - *began}, {}};
    const auto* kind = data.if_contains("e");
    if (kind == nullptr) {
      next.what = TapeQuote{reader.id(data, "u"),
                            {reader.amount<Price>(reader.member(data, "b")),
                             reader.amount<Quantity>(reader.member(data, "B"))},
                            {reader.amount<Price>(reader.member(data, "a")),
                             reader.amount<Quantity>(reader.member(data, "A"))}};
    } else if (*kind == "depthUpdate") {
      next.what =
          TapeDepth{reader.id(data, "U"),
                    reader.id(data, "u"),
                    {reader.side(reader.member(data, "b")), reader.side(reader.member(data, "a"))}};
    } else if (*kind == "trade") {
      const auto& maker = reader.member(data, "m");
      if (!maker.is_bool()) refuse(reader.where, "\"m\" is not true or false");
      const auto event_ms = static_cast<std::int64_t>(reader.id(data, "E"));
      const auto trade_ms = static_cast<std::int64_t>(reader.id(data, "T"));
      next.what =
          TapeTrade{reader.id(data, "t"), reader.amount<Price>(reader.member(data, "p")),
                    reader.amount<Quantity>(reader.member(data, "q")), maker.get_bool(),
                    std::chrono::milliseconds{std::max<std::int64_t>(0, event_ms - trade_ms)}};
    } else {
      refuse(reader.where, "only depth@100ms, trade and bookTicker frames can be replayed");
    }
    tape.frames.push_back(std::move(next));
  }
  if (!have_snapshot) refuse(name, "has no depth snapshot (a line without a \"stream\" key)");
  finish(tape, name);
  return tape;
}

Tape read_tape(const std::filesystem::path& file) {
  return parse_tape(unpack(file), file.string());
}

Replay::Replay(Tape tape, int speed, bool loop)
    : tape_(std::move(tape)), speed_(speed), loop_(loop), last_depth_id_(tape_.snapshot_id) {
  HALCYON_CHECK(!tape_.frames.empty(), "a tape has frames");
  HALCYON_CHECK(speed >= 1 && speed <= max_speed, "the replay speed is 1 to 100");
  const auto by_price = [](const Level& left, const Level& right) {
    return left.price < right.price;
  };
  seam_bid_ = *std::max_element(tape_.snapshot.bids.begin(), tape_.snapshot.bids.end(), by_price);
  seam_ask_ = *std::min_element(tape_.snapshot.asks.begin(), tape_.snapshot.asks.end(), by_price);
}

void Replay::resume(Timestamp now) {
  if (running_) return;
  running_ = true;
  anchor_time_ = now;
}

void Replay::pause(Timestamp now) {
  if (!running_) return;
  anchor_at_ = position(now);
  anchor_time_ = now;
  running_ = false;
}

void Replay::set_speed(int speed, Timestamp now) {
  HALCYON_CHECK(speed >= 1 && speed <= max_speed, "the replay speed is 1 to 100");
  anchor_at_ = position(now);
  anchor_time_ = now;
  speed_ = speed;
}

Duration Replay::position(Timestamp now) const {
  if (!running_ || now <= anchor_time_) return anchor_at_;
  return anchor_at_ + (now - anchor_time_) * speed_;
}

Duration Replay::next_at() const {
  return round_began_ + (next_ < tape_.frames.size() ? tape_.frames[next_].at
                                                     : tape_.frames.back().at + seam_pause);
}

Timestamp Replay::next_due() const {
  if (!running_ || finished_) return domain::never;
  const auto wait = next_at() - anchor_at_;
  if (wait <= Duration{}) return anchor_time_;
  // Rounded up, so that a frame is never due before its tape time has come.
  return anchor_time_ + (wait + Duration{speed_ - 1}) / speed_;
}

std::size_t Replay::advance(Timestamp now, std::size_t limit, std::vector<MarketEvent>& events) {
  const auto before = events.size();
  while (events.size() - before < limit && !finished_ && next_due() <= now) emit_next(now, events);
  return events.size() - before;
}

void Replay::emit_next(Timestamp now, std::vector<MarketEvent>& events) {
  last_time_ = std::max(last_time_, now);
  if (next_ == tape_.frames.size()) {
    const auto seam_id = tape_.last_id + id_shift_ + 1;
    events.push_back(
        {last_time_, DepthEvent{last_depth_id_ + 1, seam_id, tape_.seam.bids, tape_.seam.asks}});
    events.push_back({last_time_, QuoteEvent{seam_id, seam_bid_, seam_ask_}});
    last_depth_id_ = seam_id;
    id_shift_ = seam_id - tape_.snapshot_id;
    trade_id_shift_ += tape_.trades;
    round_began_ += tape_.frames.back().at + 2 * seam_pause;
    ++round_;
    next_ = 0;
    return;
  }
  const auto& frame = tape_.frames[next_++];
  if (const auto* depth = std::get_if<TapeDepth>(&frame.what)) {
    last_depth_id_ = depth->last_id + id_shift_;
    events.push_back({last_time_, DepthEvent{depth->first_id + id_shift_, last_depth_id_,
                                             depth->levels.bids, depth->levels.asks}});
  } else if (const auto* trade = std::get_if<TapeTrade>(&frame.what)) {
    last_traded_ = std::max(last_traded_, last_time_ - trade->age / speed_);
    events.push_back(
        {last_time_, TradeEvent{trade->id + trade_id_shift_, trade->price, trade->quantity,
                                trade->buyer_is_maker, last_traded_}});
  } else {
    const auto& quote = std::get<TapeQuote>(frame.what);
    events.push_back({last_time_, QuoteEvent{quote.update_id + id_shift_, quote.bid, quote.ask}});
  }
  if (next_ == tape_.frames.size() && !loop_) finished_ = true;
}

}  // namespace halcyon::simulation
