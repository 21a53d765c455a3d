#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/event.h"
#include "gateways/coinbase/decode.h"
#include "gateways/coinbase/sign.h"
#include "gateways/coinbase/symbols.h"
#include "gateways/coinbase/tokens.h"
#include "gateways/counters.h"
#include "gateways/pacing.h"
#include "gateways/session.h"

namespace halcyon::gateways::coinbase {

/// What a market session is made from.
struct MarketSettings {
  std::shared_ptr<const Symbols> symbols;
  std::vector<domain::InstrumentId> instruments;  ///< each of this venue, each once
  bool trades = true;
  bool quotes = true;
  bool book = true;
  Endpoint endpoint;      ///< the market data server, path included
  std::string rest_path;  ///< what stands before "/api/v3/brokerage"; mostly empty
  std::uint64_t jitter_seed = 0;
  /// Measure the venue's clock by REST: for venues without an order session.
  bool measure_clock = false;
  /// A token for each subscription, which the venue recommends; null: public.
  std::shared_ptr<const Credentials> credentials;
};

/// Public data of one venue over one connection (sections 3 to 5, 11): trades, quotes, whole books
/// and the state of the configured instruments, their rules at start and every ten minutes, and, if
/// asked, the venue's clock. One counter runs through all channels of a connection: a hole in it
/// makes every book of the connection stale, because nobody knows whose frame was lost. Thread: one
/// at a time.
class MarketSession final : public Session {
 public:
  static constexpr domain::Duration silence_limit = 5s;  ///< heartbeats come each second
  static constexpr domain::Duration subscribe_time_out = 10s;
  static constexpr domain::Duration snapshot_time_out = 10s;
  static constexpr domain::Duration longest_snapshot_pause = 30s;
  static constexpr domain::Duration rules_interval = 10min;
  static constexpr domain::Duration rules_pause = 5s;
  static constexpr domain::Duration clock_interval = 5min;
  /// A connection that served for so long makes the next pause a short one again.
  static constexpr domain::Duration good_service = 30s;
  /// Eight messages a second are allowed: some at once, since the first has to come within 5 s, and
  /// the others one by one.
  static constexpr std::size_t messages_at_once = 4;
  static constexpr domain::Duration between_messages = 150ms;
  static constexpr std::size_t products_in_message = 100;
  /// So many holes in a minute, and the connection is not worth keeping.
  static constexpr std::size_t gaps_allowed = 3;
  static constexpr domain::Duration gap_window = 1min;
  static constexpr domain::Duration resync_interval = 5s;
  static constexpr domain::Duration rollover_age = 23h;
  static constexpr domain::Duration rollover_jitter = 30min;
  static constexpr domain::Duration second_retry = 1min;
  /// A second connection that has not all books by then is given up.
  static constexpr domain::Duration second_time_out = 1min;
  static constexpr std::size_t max_kept_trades = 4096;

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

 private:
  enum class State : std::uint8_t { closed, subscribing, ready };
  enum class Second : std::uint8_t { none, connecting, joining };
  enum class RestKind : std::uint8_t { rules, clock, tokens };

  /// One connection's own.
  struct Link {
    std::uint64_t next_sequence = 0;
    domain::Timestamp last_life{};
    std::uint32_t subscribed = 0;     ///< channels that the venue has confirmed
    std::deque<std::string> waiting;  ///< messages to send
    domain::Timestamp next_message_at = domain::never;
    std::array<domain::Timestamp, gaps_allowed> gaps{};
    std::size_t next_gap = 0;
  };
  /// One book, and the instruments that share it.
  struct Feed {
    MarketId market = domain::no<MarketId>;
    std::vector<domain::InstrumentId> instruments;  ///< those that are configured
    bool is_live = false;    ///< a snapshot has come, and nothing was lost since
    bool on_second = false;  ///< whose updates count
    domain::Timestamp snapshot_by = domain::never;
    domain::Timestamp resync_at{};  ///< not before
    domain::Duration pause = snapshot_time_out;
    bool has_trade = false;
    std::uint64_t last_trade_id = 0;
  };

  static void decode_rules(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_clock(const void* context, std::string_view body, RestAnswer& answer);

  Feed* feed_of(MarketId market);
  domain::Event event_of(domain::Event::What what, domain::Timestamp now,
                         domain::InstrumentId instrument) const;
  void set_state(domain::StreamState state, domain::Reason reason, domain::Timestamp now,
                 Actions& actions);

  // Subscribing.
  std::uint32_t wanted() const;
  void queue(Link& link, std::string_view type, std::string_view channel,
             const std::vector<std::string_view>& products, domain::Timestamp now);
  void subscribe(Link& link, domain::Timestamp now);
  void send_waiting(Link& link, bool is_second, domain::Timestamp now, Actions& actions);
  void resubscribe(Feed& feed, domain::Timestamp now, Actions& actions);
  void lose(Feed& feed, domain::Reason reason, domain::Timestamp now, Actions& actions);

  // Frames.
  /// False: the frame is a late or repeated one.
  bool follow_sequence(bool is_second, domain::Timestamp now, Actions& actions);
  void on_gap(bool is_second, domain::Timestamp now, Actions& actions);
  void on_books(bool is_second, domain::Timestamp now, Actions& actions);
  void on_trades(bool is_second, Actions& actions);
  void take_trade(Feed& feed, const domain::Event& event, Actions& actions);
  void on_quotes(Actions& actions);
  void emit_to_all(const Feed& feed, const domain::Event& event, Actions& actions);
  void refresh_deadline();

  // REST.
  void ask_rules(domain::Timestamp now, Actions& actions);
  void ask_clock(domain::Timestamp now, Actions& actions);
  void take_rules(RestAnswer& answer, domain::Timestamp now, Actions& actions);

  // The connections.
  void start_second(domain::Timestamp now, Actions& actions);
  void give_up_second(std::string_view why, domain::Timestamp now, Actions& actions);
  void promote(std::string_view why, domain::Timestamp now, Actions& actions);
  void promote_if_whole(domain::Timestamp now, Actions& actions);
  void plan_rollover(domain::Timestamp now);
  void leave(domain::Reason reason, domain::Timestamp now, Actions& actions);
  void drop(std::string_view why, domain::Reason reason, domain::Timestamp now, Actions& actions);

  MarketSettings settings_;
  Identity nobody_;  ///< private frames are none of ours
  RestContext rest_context_;
  Scratch scratch_;
  Message message_;
  std::vector<domain::Event> decoded_;
  std::vector<Feed> feeds_;
  std::vector<std::int32_t> feed_index_;                       ///< by market; -1: not configured
  std::vector<std::optional<domain::InstrumentRules>> rules_;  ///< by instrument, as told
  std::optional<TokenPool> tokens_;

  State state_ = State::closed;
  domain::StreamState told_ = domain::StreamState::down;
  bool dropped_ = false;  ///< we ended the connection; the driver will say it is closed
  bool uses_tokens_ = false;
  domain::Timestamp reconnect_at_{};
  domain::Timestamp opened_at_{};
  domain::Timestamp confirm_by_ = domain::never;
  domain::Timestamp book_deadline_ = domain::never;
  Link link_, second_link_;
  ReconnectPacer pacer_;

  bool may_have_second_ = false;
  Second second_ = Second::none;
  domain::Timestamp second_at_ = domain::never;  ///< when to open it
  domain::Timestamp second_until_ = domain::never;
  std::vector<domain::Event> kept_trades_;  ///< of the second connection, until it is the first

  domain::Timestamp next_rules_at_ = domain::never;
  std::size_t rules_outstanding_ = 0;
  bool rules_failed_ = false;
  domain::Timestamp next_clock_at_ = domain::never;
  ClockEstimate clock_;

  CountsOf<Channel> frames_{};
  CountsOf<DecodeError> errors_{};
  std::uint32_t errors_said_ = 0;  ///< one bit a kind
  bool unknown_said_ = false;
  std::string rules_words_;  ///< said last
  std::uint64_t gaps_ = 0;
  std::uint64_t frames_repeated_ = 0;
  std::uint64_t trades_lost_ = 0;
  std::uint64_t trades_repeated_ = 0;
  std::uint64_t trades_filled_in_ = 0;
  std::uint64_t trade_ids_skipped_ = 0;
  std::uint64_t snapshots_ = 0;
  std::uint64_t levels_cut_ = 0;
  std::uint64_t updates_dropped_ = 0;
  std::uint64_t resyncs_ = 0;
  std::uint64_t silences_ = 0;
  std::uint64_t rules_failures_ = 0;
  std::uint64_t rollovers_ = 0;
};

}  // namespace halcyon::gateways::coinbase
