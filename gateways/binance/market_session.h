#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/event.h"
#include "gateways/binance/book_sync.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/symbols.h"
#include "gateways/counters.h"
#include "gateways/pacing.h"
#include "gateways/session.h"

namespace halcyon::gateways::binance {

/// What is listened to of an instrument.
struct Channels {
  bool trades = true;
  bool quotes = true;
  bool book = true;
  bool agg_trades = false;    ///< in the place of trades
  bool partial_book = false;  ///< the best twenty levels, in the place of whole books
  bool klines = false;        ///< those that the series are made of
};

/// What a market session is made from. Its own channels are those of every instrument that is not
/// in `channels_of`.
struct MarketSettings : Channels {
  std::shared_ptr<const Symbols> symbols;
  std::vector<domain::InstrumentId> instruments;  ///< each of this venue, each once
  std::map<domain::InstrumentId, Channels> channels_of;
  std::vector<SeriesWish> series;
  Endpoint endpoint;      ///< of the combined streams, path included
  std::string rest_path;  ///< what stands before "/api/v3" in the REST address; mostly empty
  std::uint64_t jitter_seed = 0;
  /// Measure the venue's clock by REST. For venues without an order session, which does it better.
  bool measure_clock = false;
  /// Two connections carry the same streams, and the first copy of each event wins.
  bool two_feeds = false;
};

/// Public data of one venue over one connection (sections 2 to 5, 13): trades, quotes and whole
/// books of the configured instruments, their rules at start and every ten minutes, and, if asked,
/// the venue's clock. Every rule of sequence and continuity is kept here: what the engine sees is
/// whole or said to be broken. Thread: one at a time.
class MarketSession final : public Session {
 public:
  static constexpr domain::Duration silence_limit = 45s;  ///< pings come every 20 s
  static constexpr domain::Duration rules_interval = 10min;
  static constexpr domain::Duration clock_interval = 5min;
  /// Times that the venue tells move against ours by so much at once: its clock, or ours, has
  /// stepped, and is measured anew. A line that is behind looks the same, and costs a question.
  static constexpr domain::Duration clock_step = 1s;
  static constexpr domain::Duration between_step_checks = 10s;
  static constexpr domain::Duration subscribe_time_out = 10s;
  /// A connection that served for so long makes the next pause a short one again.
  static constexpr domain::Duration good_service = 30s;
  /// Five messages a second are allowed, pongs and ours together.
  static constexpr domain::Duration between_subscriptions = 300ms;
  static constexpr std::size_t streams_in_message = 200;
  static constexpr std::size_t max_streams = 1024;
  static constexpr std::size_t rules_in_request = 100;
  static constexpr std::uint32_t max_history = 1000;  ///< rows in one answer
  static constexpr std::int64_t history_weight = 2;
  static constexpr int history_tries = 5;
  static constexpr domain::Duration history_retry = 1s;  ///< doubling
  /// The share of the address's request weight that snapshots may take; the rest is for orders and
  /// other sessions (section 14 stops optional requests at 70 %).
  static constexpr std::int64_t snapshot_share_pct = 40;
  static constexpr std::int64_t documented_weight_limit = 6000;
  static constexpr std::int64_t snapshot_weight = 50;
  static constexpr int snapshot_levels = 1000;
  static constexpr domain::Duration rollover_age = 23h;
  static constexpr domain::Duration rollover_jitter = 30min;
  static constexpr domain::Duration second_retry = 1min;
  /// The same when only the list of streams has changed under it.
  static constexpr domain::Duration second_restart = 1s;
  /// While two connections carry the streams one may be ahead of the other: what does not follow
  /// yet is kept back for so long before it counts as lost.
  static constexpr domain::Duration reorder_wait = 1s;
  static constexpr std::size_t max_ahead_events = 4096;
  /// Both carry the streams for so long before one takes the other's place.
  static constexpr domain::Duration overlap = 2s;
  /// A trade id that far back after a reconnect is a new numbering and not an old trade.
  static constexpr std::uint64_t renumbering_distance = 100'000;

  /// Throws std::runtime_error in words when the settings cannot be served (too many streams).
  explicit MarketSession(MarketSettings settings);
  ~MarketSession() override;

  Endpoint endpoint() const override { return settings_.endpoint; }
  void on_start(domain::Timestamp now, Actions& actions) override;
  void on_open(domain::Timestamp now, Actions& actions) override;
  void on_frame(const Frame& frame, Actions& actions) override;
  void on_sign_of_life(domain::Timestamp now) override;
  void on_closed(std::string_view why, domain::Timestamp now, Actions& actions) override;
  void on_rest(RestAnswer& answer, domain::Timestamp now, Actions& actions) override;
  void on_time(domain::Timestamp now, Actions& actions) override;
  domain::Timestamp next_deadline() const override;
  /// Only QueryKind::resync_book.
  void on_request(const domain::VenueRequest& request, domain::Timestamp now,
                  Actions& actions) override;
  void each_counter(const Count& count) const override;
  void allow_second() override { may_have_second_ = true; }
  void on_second_open(domain::Timestamp now, Actions& actions) override;
  void on_second_sign_of_life(domain::Timestamp now) override;
  void on_second_closed(std::string_view why, domain::Timestamp now, Actions& actions) override;
  /// Listens to an instrument of the venue, or not any more: the streams follow within the limits
  /// of section 2. False: it is none of the venue's, or the streams would be too many.
  bool set_listened(domain::InstrumentId instrument, bool listens, domain::Timestamp now,
                    Actions& actions);

 private:
  // Parts of a REST tag, which says what the answer belongs to.
  static constexpr std::uint32_t generation_mask = (1U << 18) - 1;
  static constexpr std::uint32_t index_mask = (1U << 12) - 1;

  /// Of the second connection. In `ready` both carry every stream.
  enum class Second : std::uint8_t { none, connecting, subscribing, ready };
  enum class State : std::uint8_t { closed, subscribing, ready };
  enum class RestKind : std::uint8_t { rules, snapshot, clock, history };

  /// What is known about one instrument.
  struct Feed {
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    Channels channels;
    BookSync sync;
    std::uint64_t last_trade_id = 0;
    bool has_trade = false;
    bool is_first_trade = true;  ///< since the connection was made
    bool is_listened = true;
    bool has_partial_book = false;  ///< what was told of it counts
    std::uint64_t last_quote_id = 0;
    std::uint64_t last_partial_id = 0;
    // What came on one of two connections before its predecessor has come on either.
    struct Ahead {
      std::uint64_t first = 0, last = 0;
      std::size_t events = 0;
    };
    std::vector<Ahead> ahead_updates;
    std::vector<domain::Event> ahead_events;
    std::vector<domain::Event> ahead_trades;
    domain::Timestamp ahead_until = domain::never;
    /// The newest trades and updates, when they came and on which connection.
    struct Arrival {
      std::uint64_t id = 0;
      domain::Timestamp at;
      bool on_second = false;
    };
    std::array<Arrival, 64> arrivals{};
    std::optional<domain::InstrumentRules> rules;  ///< as told to the engine
  };
  /// For the decoder on the helper thread; never changes.
  struct RestContext {
    const Symbols* symbols = nullptr;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  };

  static void decode_rules(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_snapshot(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_history(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_clock(const void* context, std::string_view body, RestAnswer& answer);
  static std::uint32_t tag(RestKind kind, std::size_t index, std::uint32_t generation);

  Feed* feed_of(domain::InstrumentId instrument);
  domain::Event event_of(domain::Event::What what, domain::Timestamp now,
                         domain::InstrumentId instrument) const;
  void set_state(domain::StreamState state, domain::Reason reason, domain::Timestamp now,
                 Actions& actions);
  void send_subscription(domain::Timestamp now, Actions& actions);
  void on_subscribed(domain::Timestamp now, Actions& actions);
  void on_trade(Feed& feed, std::size_t start, std::uint64_t id, Actions& actions);
  void on_depth(Feed& feed, std::size_t start, const MarketMessage& message, domain::Timestamp now,
                Actions& actions);
  void on_partial_depth(Feed& feed, std::size_t start, std::uint64_t id, Actions& actions);
  void on_kline(std::size_t start, Actions& actions);
  void invalidate_book(Feed& feed, domain::Reason reason, domain::Timestamp now, Actions& actions);
  /// The next series whose past has not been told; one at a time.
  void ask_history(domain::Timestamp now, Actions& actions);
  void take_history(RestAnswer& answer, domain::Timestamp now, Actions& actions);
  void end_history(domain::Timestamp now, Actions& actions);
  void ask_rules(domain::Timestamp now, Actions& actions);
  void ask_clock(domain::Timestamp now, Actions& actions);
  void note_venue_time(domain::Timestamp told, domain::Timestamp now, Actions& actions);
  void ask_snapshots(domain::Timestamp now, Actions& actions);
  void take_rules(RestAnswer& answer, domain::Timestamp now, Actions& actions);
  // Two connections.
  void start_second(domain::Timestamp now, Actions& actions);
  void send_second_subscription(domain::Timestamp now, Actions& actions);
  void on_second_time(domain::Timestamp now, Actions& actions);
  domain::Timestamp second_deadline() const;
  void give_up_second(std::string_view why, domain::Timestamp now, Actions& actions);
  void promote(std::string_view why, domain::Timestamp now, Actions& actions);
  void plan_rollover(domain::Timestamp now);
  bool has_two_feeds() const { return second_ == Second::ready; }
  void note_arrival(Feed& feed, std::uint64_t id, bool is_second, domain::Timestamp now);
  void note_copy(Feed& feed, std::uint64_t id, bool is_second, domain::Timestamp now);
  bool keep_update(Feed& feed, std::size_t start, const MarketMessage& message, bool is_second,
                   domain::Timestamp now, Actions& actions);
  bool keep_trade(Feed& feed, std::size_t start, std::uint64_t id, bool is_second,
                  domain::Timestamp now, Actions& actions);
  void follow_up(Feed& feed, bool gives_up, domain::Timestamp now, Actions& actions);
  std::vector<std::string> streams_of(const Feed& feed) const;
  void send_changes(domain::Timestamp now, Actions& actions);

  void take_snapshot(RestAnswer& answer, domain::Timestamp now, Actions& actions);
  void leave(domain::Reason reason, domain::Timestamp now, Actions& actions);
  void drop(std::string_view why, domain::Reason reason, bool at_once, domain::Timestamp now,
            Actions& actions);
  void refresh_book_deadline();
  void respect_limits(const RestAnswer& answer, domain::Timestamp now);
  void say_once(DecodeError error, const Frame& frame, Actions& actions);

  MarketSettings settings_;
  Scratch scratch_;
  std::vector<Feed> feeds_;
  std::vector<std::int32_t> feed_index_;  ///< by instrument; -1: not configured
  std::vector<RestContext> contexts_;     ///< by feed; the last one belongs to no instrument
  std::vector<std::string> streams_;

  State state_ = State::closed;
  domain::StreamState told_ = domain::StreamState::down;
  bool dropped_ = false;  ///< we ended the connection; the driver will say it is closed
  domain::Timestamp reconnect_at_{};
  domain::Timestamp opened_at_{};
  domain::Timestamp last_life_{};
  std::size_t streams_sent_ = 0;
  std::uint64_t messages_sent_ = 0;
  std::uint64_t messages_confirmed_ = 0;
  domain::Timestamp next_subscription_at_ = domain::never;
  domain::Timestamp confirm_by_ = domain::never;

  domain::Timestamp book_deadline_ = domain::never;  ///< the earliest of all books

  ReconnectPacer pacer_;
  WeightBudget snapshot_budget_{documented_weight_limit * snapshot_share_pct / 100};
  domain::Timestamp rest_blocked_until_{};
  domain::Timestamp next_rules_at_ = domain::never;
  domain::Duration rules_pause_ = 5s;
  std::size_t rules_outstanding_ = 0;
  bool rules_one_by_one_ = false;
  bool rules_failed_ = false;
  domain::Timestamp next_clock_at_ = domain::never;
  ClockEstimate clock_;
  domain::Duration lag_{};  ///< of what the venue told, when it was last looked at
  bool has_lag_ = false;
  domain::Timestamp next_step_check_{};

  std::size_t history_at_ = 0;  ///< in settings_.series: whose past is asked for, or is the next
  int history_failures_ = 0;
  domain::Timestamp next_history_at_ = domain::never;

  bool may_have_second_ = false;
  Second second_ = Second::none;
  domain::Timestamp second_at_ = domain::never;  ///< when to open it
  domain::Timestamp promote_at_ = domain::never;
  domain::Timestamp second_life_{};
  std::size_t second_sent_ = 0;
  std::uint64_t second_messages_ = 0, second_confirmed_ = 0;
  domain::Timestamp second_subscription_at_ = domain::never;
  domain::Timestamp second_confirm_by_ = domain::never;
  domain::Timestamp ahead_deadline_ = domain::never;
  bool rolls_over_ = false;  ///< the second one is there to take the first one's place
  std::uint64_t rollovers_ = 0;
  std::array<std::uint64_t, 2> feed_wins_{};     ///< first copies, by connection
  std::array<std::uint64_t, 2> feed_lead_us_{};  ///< by how much, all together

  /// Changes at run time that are still to be sent.
  std::vector<std::string> to_subscribe_, to_unsubscribe_;
  std::uint64_t change_id_ = std::uint64_t{1} << 32;  ///< apart from those of the beginning
  domain::Timestamp next_change_at_ = domain::never;

  CountsOf<MarketKind> frames_{};
  CountsOf<DecodeError> errors_{};
  std::uint32_t errors_said_ = 0;  ///< one bit a kind
  bool unknown_said_ = false;
  std::uint64_t trades_lost_ = 0;
  std::uint64_t trades_repeated_ = 0;
  std::uint64_t silences_ = 0;
  std::uint64_t snapshots_asked_ = 0;
  std::uint64_t snapshots_failed_ = 0;
  std::uint64_t rules_failures_ = 0;
  std::uint64_t history_bars_ = 0;
  std::uint64_t histories_missing_ = 0;  ///< given up
};

}  // namespace halcyon::gateways::binance
