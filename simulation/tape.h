#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/decimal.h"
#include "domain/time.h"

namespace halcyon::simulation {

using domain::Duration;
using domain::Price;
using domain::Quantity;
using domain::Timestamp;

/// One price level. Quantities are absolute; zero deletes the level.
struct Level {
  Price price;
  Quantity quantity;
  friend bool operator==(const Level&, const Level&) = default;
};

/// Both sides of a book, in no particular order.
struct Levels {
  std::vector<Level> bids;
  std::vector<Level> asks;
};

struct TapeDepth {
  std::uint64_t first_id = 0;  ///< Binance "U"
  std::uint64_t last_id = 0;   ///< Binance "u"
  Levels levels;
};
struct TapeTrade {
  std::uint64_t id = 0;
  Price price;
  Quantity quantity;
  bool buyer_is_maker = false;
  Duration age{};  ///< event time less trade time
};
struct TapeQuote {
  std::uint64_t update_id = 0;
  Level bid;
  Level ask;
};
struct TapeFrame {
  Duration at{};  ///< since the first frame of the recording; never falls
  std::variant<TapeDepth, TapeTrade, TapeQuote> what;
};

/// A recording of one instrument, ready to be played in a circle: the stale beginning is cut off,
/// the ids are proven to be without a gap, and the seam from the end to the beginning is known.
struct Tape {
  std::string symbol;  ///< in capitals, "BTCUSDT"
  std::uint64_t snapshot_id = 0;
  Levels snapshot;                ///< the book before the first frame
  std::vector<TapeFrame> frames;  ///< never empty; depth and quotes are newer than `snapshot_id`
  std::uint64_t last_depth_id = 0;
  std::uint64_t last_id = 0;  ///< the greatest update id of depth and quotes
  std::uint64_t first_trade_id = 0;
  std::uint64_t trades = 0;
  Levels seam;  ///< what turns the last book into `snapshot`
};

/// How long after the last frame the seam follows, and after the seam the next round.
inline constexpr Duration seam_pause = std::chrono::milliseconds{100};

/// A recording longer than this is refused (bytes, unpacked).
inline constexpr std::size_t max_recording_bytes = std::size_t{2} << 30;

/// Reads a recording of combined Binance frames, one per line: receive time in ns, a blank, the raw
/// frame; one line without a "stream" key is the depth snapshot. Packed with gzip or plain.
/// Throws std::runtime_error with file, line and words: for a frame it does not understand, for a
/// gap in the update ids or trade ids, for a missing snapshot or a second symbol.
Tape read_tape(const std::filesystem::path& file);

/// The same from text in memory; `name` stands in the words of a refusal.
Tape parse_tape(std::string_view text, const std::string& name);

/// One market event as the venue publishes it now. The spans live as long as the Replay.
struct DepthEvent {
  std::uint64_t first_id = 0;
  std::uint64_t last_id = 0;
  std::span<const Level> bids;
  std::span<const Level> asks;
};
struct TradeEvent {
  std::uint64_t id = 0;
  Price price;
  Quantity quantity;
  bool buyer_is_maker = false;
  Timestamp traded;
};
struct QuoteEvent {
  std::uint64_t update_id = 0;
  Level bid;
  Level ask;
};
struct MarketEvent {
  Timestamp time;  ///< the event time: when it is sent, by the simulator's clock
  std::variant<DepthEvent, TradeEvent, QuoteEvent> what;
};

/// Plays a tape, faster than it was recorded if asked, and again from the start if asked. Ids rise
/// across rounds: depth and quote ids by one rule, trade ids without a gap. Between two rounds one
/// depth event turns the last book into the first, and a quote says its top. Pure: reads no clock.
class Replay {
 public:
  static constexpr int max_speed = 100;

  /// `speed` 1 to 100.
  Replay(Tape tape, int speed, bool loop);

  const Tape& tape() const { return tape_; }
  /// Begins, or goes on after `pause`.
  void resume(Timestamp now);
  void pause(Timestamp now);
  void set_speed(int speed, Timestamp now);

  bool running() const { return running_; }
  bool finished() const { return finished_; }
  int speed() const { return speed_; }
  std::uint64_t round() const { return round_; }
  /// How far the tape has run, in tape time.
  Duration position(Timestamp now) const;
  /// What is added to the recorded ids in this round.
  std::uint64_t id_shift() const { return id_shift_; }
  std::uint64_t trade_id_shift() const { return trade_id_shift_; }

  /// When the next frame is due; `domain::never` while paused and after the end.
  Timestamp next_due() const;

  /// Appends the events that are due, at most `limit` of them, and returns how many. Their times
  /// never fall.
  std::size_t advance(Timestamp now, std::size_t limit, std::vector<MarketEvent>& events);

 private:
  Duration next_at() const;
  void emit_next(Timestamp now, std::vector<MarketEvent>& events);

  Tape tape_;
  int speed_;
  bool loop_;
  bool running_ = false;
  bool finished_ = false;
  Timestamp anchor_time_{};  ///< at this time of the simulator's clock ...
  Duration anchor_at_{};     ///< ... the tape stood here (`tape time` runs on across rounds)
  Duration round_began_{};   ///< tape time of the present round's first frame
  std::uint64_t round_ = 0;
  std::size_t next_ = 0;  ///< index of the next frame; frames.size(): the seam
  std::uint64_t id_shift_ = 0;
  std::uint64_t trade_id_shift_ = 0;
  std::uint64_t last_depth_id_ = 0;
  Timestamp last_time_{};
  Timestamp last_traded_{};
  Level seam_bid_;
  Level seam_ask_;
};

}  // namespace halcyon::simulation
