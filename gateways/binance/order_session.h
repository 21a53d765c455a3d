#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/encode.h"
#include "gateways/binance/errors.h"
#include "gateways/binance/filters.h"
#include "gateways/binance/requests.h"
#include "gateways/binance/sign.h"
#include "gateways/binance/symbols.h"
#include "gateways/counters.h"
#include "gateways/pacing.h"
#include "gateways/session.h"

namespace halcyon::gateways::binance {

/// What an order session is made from.
struct OrderSettings {
  std::shared_ptr<const Symbols> symbols;
  Identity identity;
  Endpoint endpoint;  ///< of the WebSocket API, path included
  std::string api_key;
  std::unique_ptr<Signer> signer;
  std::uint64_t jitter_seed = 0;
  std::vector<std::string> warnings;  ///< said at the start (a key file that others may read)
  /// REST beside the connection: filters at the start and every ten minutes; and, while the
  /// connection is down, cancels and questions.
  bool has_rest = false;
  std::vector<domain::InstrumentId> instruments;  ///< whose filters are read
  std::string rest_path;                          ///< what stands before "/api/v3"; mostly empty
  bool rest_orders = false;  ///< new orders too go by REST while the connection is down
};

/// Orders and private events of one account over one WebSocket API connection (sections 7 to 18):
///
///   closed → measuring (the venue's clock) → logging_on → subscribing → ready
///
/// With a key that cannot log on, `logging_on` is left out and each request is signed. Only in
/// `ready` do new orders go out; cancels go out as soon as the venue knows who we are. A request is
/// answered by what the venue says and by nothing else: silence, a lost connection and every answer
/// of status 5xx make it `unknown`; nothing is ever sent twice. Thread: one at a time.
class OrderSession final : public Session {
 public:
  static constexpr domain::Duration answer_time_out =
      12s;                                                ///< the venue itself gives up after 10 s
  static constexpr domain::Duration silence_limit = 45s;  ///< pings come every 20 s
  /// A ping and a half: from here on the line may be dead, and the engine is told so.
  static constexpr domain::Duration silence_warning = 30s;
  static constexpr domain::Duration clock_interval = 5min;
  static constexpr domain::Duration clock_retry = 30s;
  static constexpr domain::Duration clock_alarm = 250ms;
  static constexpr int clock_samples = 3;
  /// Our timestamps stay so far behind the venue's clock that they are never ahead of it.
  static constexpr domain::Duration timestamp_margin = 5ms;
  static constexpr domain::Duration good_service = 30s;
  /// The venue ends each connection after 24 hours: before that a second one takes its place, less
  /// a jitter, so that not all of them go together.
  static constexpr domain::Duration rollover_age = 23h;
  static constexpr domain::Duration rollover_jitter = 30min;
  static constexpr domain::Duration rollover_retry = 1min;
  /// After an answer that forbids (key, permission, account) nothing is tried for so long.
  static constexpr domain::Duration forbidden_pause = 5min;
  /// After an announced shutdown answers are waited for, a little.
  static constexpr domain::Duration drain_limit = 2s;
  /// A frame that we could not read may have been a fill: the engine is made to compare everything,
  /// at most that often.
  static constexpr domain::Duration reconcile_interval = 30s;
  /// 200 rows are about 60 kB, the most that is to be read on a hot thread.
  static constexpr std::uint32_t fills_in_page = 200;
  static constexpr std::uint32_t max_fill_pages = 500;
  // Of the venue's own counters (section 14). Beyond the first nothing optional is asked; beyond
  // the second only cancels, order queries, and orders that reduce go out.
  static constexpr std::int64_t optional_weight_pct = 70;
  static constexpr std::int64_t query_weight_pct = 90;
  /// Of the unfilled orders that the venue allows: kept for orders that only reduce.
  static constexpr std::int64_t order_reserve_pct = 5;
  /// Without a measurement for so long, no order goes out: its timestamp may be anything.
  static constexpr domain::Duration clock_valid = 20min;
  static constexpr domain::Duration filters_interval = 10min;
  static constexpr domain::Duration filters_retry = 30s;
  static constexpr domain::Duration average_interval = 1min;
  /// MAX_ASSET costs 40 weight an instrument, and hardly ever changes.
  static constexpr domain::Duration asset_limits_interval = 1h;
  /// The averages of more instruments would cost too much weight; then the venue checks alone.
  static constexpr std::size_t max_averages = 100;

  explicit OrderSession(OrderSettings settings);
  ~OrderSession() override;

  Endpoint endpoint() const override { return settings_.endpoint; }
  void on_start(domain::Timestamp now, Actions& actions) override;
  void on_open(domain::Timestamp now, Actions& actions) override;
  void on_frame(const Frame& frame, Actions& actions) override;
  void on_sign_of_life(domain::Timestamp now) override;
  void on_closed(std::string_view why, domain::Timestamp now, Actions& actions) override;
  void on_rest(RestAnswer& answer, domain::Timestamp now, Actions& actions) override;
  void on_time(domain::Timestamp now, Actions& actions) override;
  domain::Timestamp next_deadline() const override;
  void on_command(const domain::OrderCommand& command, domain::Timestamp now,
                  Actions& actions) override;
  void on_request(const domain::VenueRequest& request, domain::Timestamp now,
                  Actions& actions) override;
  void each_counter(const Count& count) const override;
  void allow_second() override { may_have_second_ = true; }
  void on_second_open(domain::Timestamp now, Actions& actions) override;
  void on_second_sign_of_life(domain::Timestamp now) override;
  void on_second_closed(std::string_view why, domain::Timestamp now, Actions& actions) override;

 private:
  static constexpr std::string_view used_weight_header = "X-MBX-USED-WEIGHT-1M";
  /// More kinds of refusals than the document lists are not told apart in words.
  static constexpr std::size_t max_codes_said = 64;

  /// Of the connection that shall take the first one's place. In `ready` both carry the private
  /// stream, new requests go to the second, and the first one's answers are waited for.
  enum class Second : std::uint8_t { none, connecting, logging_on, subscribing, ready };
  enum class State : std::uint8_t { closed, measuring, logging_on, subscribing, ready, draining };
  enum class Pause : std::uint8_t { none, paced, forbidden };  ///< before the next connection

  // Sending (order_sending.cpp).
  RequestContext context_at(domain::Timestamp now, bool by_rest = false) const;
  void place(const domain::NewOrder& order, domain::Timestamp valid_until, domain::Timestamp now,
             Actions& actions);
  void cancel(const domain::CancelRequest& cancel, domain::Timestamp now, Actions& actions);
  void replace(const domain::ReplaceRequest& request, domain::Timestamp valid_until,
               domain::Timestamp now, Actions& actions);
  void place_list(const domain::OrderList& list, domain::Timestamp valid_until,
                  domain::Timestamp now, Actions& actions);
  /// Why nothing may be sent now; `reason` none: it may.
  struct Hold {
    domain::Reason reason = domain::Reason::none;
    std::string_view words;
  };
  Hold hold_of_order(domain::Timestamp valid_until, bool reduces, std::int64_t orders,
                     domain::Timestamp now) const;
  Hold hold_of_cancel(domain::Timestamp now) const;
  Hold hold_of_filters(const domain::NewOrder& order, domain::Timestamp now) const;
  bool goes_by_rest() const { return !is_known_ && settings_.has_rest; }
  /// Hands the encoded request to the connection, or to REST; and says so.
  void transmit(Pending& pending, const Encoded& encoded, std::string_view verb,
                std::string_view path, Actions& actions);
  void count_orders(std::int64_t orders, domain::Timestamp now);
  void send_time(domain::Timestamp now, Actions& actions);
  void send_logon(domain::Timestamp now, Actions& actions);
  void send_subscribe(domain::Timestamp now, Actions& actions);
  /// The next instrument's myFilters; one at a time.
  void ask_asset_limits(domain::Timestamp now, Actions& actions);
  void on_asset_limits(const Response& response, domain::Timestamp now, Actions& actions);
  void send_fills_page(Pending& pending, domain::Timestamp now, Actions& actions);
  void start_measuring(domain::Timestamp now, Actions& actions);
  Pending* open_request(Method method, domain::Timestamp now);
  void send(const Encoded& encoded, Actions& actions);

  // The second connection (order_second.cpp).
  void start_rollover(domain::Timestamp now, Actions& actions);
  void on_second_answer(Method method, const Response& response, domain::Timestamp now,
                        Actions& actions);
  void give_up_second(std::string_view why, domain::Timestamp now, Actions& actions);
  void promote(std::string_view why, domain::Timestamp now, Actions& actions);
  void promote_if_drained(domain::Timestamp now, Actions& actions);
  /// Two connections say everything twice: takes away, from `start` on, what was heard already.
  void drop_repeats(std::size_t start, bool is_second, Actions& actions);
  void plan_rollover(domain::Timestamp now);

  // Answers (order_answers.cpp).
  void on_response(const Response& response, domain::Timestamp now, Actions& actions);
  void on_time_answer(domain::Timestamp sent, const Response& response, domain::Timestamp now,
                      Actions& actions);
  void on_measured(domain::Timestamp now, Actions& actions);
  void on_logon_answer(const Response& response, domain::Timestamp now, Actions& actions);
  void on_subscribe_answer(const Response& response, domain::Timestamp now, Actions& actions);
  void dispatch(Pending& pending, const Response& response, domain::Timestamp now,
                Actions& actions);
  /// cancelReplace: each step has a fate of its own.
  void on_replace_answer(Pending& pending, const Response& response, domain::Timestamp now,
                         Actions& actions);
  void on_list_answer(Pending& pending, const Response& response, domain::Timestamp now,
                      Actions& actions);
  /// Of the events from `start` on. `lists`: of each OrderReport among them, in order.
  void note_open_orders(std::size_t start, std::span<const std::int64_t> lists, Actions& actions);
  void on_order_answer(Pending& pending, const Response& response, domain::Timestamp now,
                       Actions& actions);
  void on_query_answer(Pending& pending, const Response& response, domain::Timestamp now,
                       Actions& actions);
  /// True when another page was asked for.
  bool on_fills_page(Pending& pending, const Response& response, domain::Timestamp now,
                     Actions& actions);
  void react(const Judgement& judgement, const Response& response, domain::Timestamp now,
             Actions& actions);
  void refuse_handshake(std::string_view what, const Response& response, domain::Timestamp now,
                        Actions& actions);
  void end_query(Pending& pending, domain::Completeness completeness, bool not_found,
                 domain::Reason reason, domain::Timestamp now, Actions& actions);
  void note_rates(const RateCounts& rates, domain::Timestamp now);
  void note_unknown_assets(std::uint32_t count, std::string_view name, Actions& actions);
  void note_rows(const Rows& rows, Actions& actions);

  // State.
  void become_ready(domain::Timestamp now, Actions& actions);
  void note_silence(domain::Timestamp now, Actions& actions);
  void resubscribe(domain::Reason reason, domain::Timestamp now, Actions& actions);
  void reconcile_if_due(domain::Timestamp now, Actions& actions);
  void leave(domain::Reason reason, domain::Timestamp now, Actions& actions);
  void drop(std::string_view why, domain::Reason reason, Pause pause, domain::Timestamp now,
            Actions& actions);
  /// A connection that served for a while makes the next pause a short one.
  void note_service(domain::Timestamp now);
  void drain_if_done(domain::Timestamp now, Actions& actions);
  void expire(Pending& pending, domain::Timestamp now, Actions& actions);

  // Telling.
  domain::Event event_of(domain::Event::What what, domain::Timestamp now,
                         domain::InstrumentId instrument) const;
  void set_state(domain::StreamState state, domain::Reason reason, domain::Timestamp now,
                 Actions& actions);
  void tell_outcome(const Pending& pending, domain::Outcome outcome, domain::Reason reason,
                    std::int32_t code, std::string_view words, domain::Timestamp now,
                    Actions& actions);
  void tell_leg(domain::RequestKind kind, domain::RequestId request, domain::OrderId order,
                domain::ForeignId venue_order, domain::InstrumentId instrument,
                domain::Outcome outcome, domain::Reason reason, std::int32_t code,
                std::string_view words, domain::Timestamp now, Actions& actions);
  void tell_not_sent(domain::RequestId request, domain::OrderId order, domain::RequestKind kind,
                     domain::InstrumentId instrument, domain::Reason reason, std::string_view words,
                     domain::Timestamp now, Actions& actions);
  void tell_no_answer(const domain::VenueRequest& request, domain::Reason reason,
                      domain::Timestamp now, Actions& actions);
  bool said_before(std::int32_t code);

  // REST (order_rest.cpp).
  enum class RestKind : std::uint8_t { request, filters, average };
  static std::uint32_t tag(RestKind kind, std::uint64_t number) {
    return static_cast<std::uint32_t>(kind) << 30 |
           static_cast<std::uint32_t>(number & Requests::tag_mask);
  }
  static void decode_kept(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_rest_filters(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_rest_average(const void* context, std::string_view body, RestAnswer& answer);
  void ask_filters(domain::Timestamp now, Actions& actions);
  void ask_averages(domain::Timestamp now, Actions& actions);
  bool has_weight(std::int64_t pct, domain::Timestamp now) const;

  /// Whether the venue's weight allows a question now.
  bool may_ask(domain::QueryKind kind, domain::Timestamp now) const;
  std::int64_t minute_of(domain::Timestamp now) const;

  domain::Timestamp venue_time(domain::Timestamp now) const { return now + offset_; }

  OrderSettings settings_;
  bool signs_each_;  ///< the key cannot log on
  Scratch scratch_;
  Requests requests_;
  std::array<char, max_request_bytes> buffer_{};

  State state_ = State::closed;
  domain::StreamState told_ = domain::StreamState::down;
  bool is_known_ = false;  ///< logged on, or every request is signed: cancels may go out
  bool dropped_ = false;   ///< we ended the connection; the driver will say it is closed
  domain::Timestamp reconnect_at_{};
  domain::Timestamp opened_at_{};
  domain::Timestamp last_life_{};
  domain::Timestamp silent_since_{};  ///< `last_life_` when the silence was told
  domain::Timestamp drain_until_ = domain::never;
  int logon_retries_ = 0;
  ReconnectPacer pacer_;

  ClockEstimate clock_;
  domain::Duration offset_{};
  bool has_offset_ = false;
  int samples_left_ = 0;
  domain::Timestamp next_clock_at_ = domain::never;

  // Until when the venue wants to hear nothing, no new order, or we had better not try.
  domain::Timestamp banned_until_{};
  domain::Timestamp throttled_until_{};
  domain::Timestamp no_orders_until_{};
  domain::Timestamp forbidden_until_{};
  RateCounts rates_;
  std::int64_t rates_minute_ = -1;  ///< the venue's minute that `rates_.weight` counts

  // The unfilled orders of the ten seconds and of the day, as the venue counts them.
  struct OrderWindow {
    std::int64_t index = -1;
    std::int64_t count = 0;
  };
  static constexpr std::array<domain::Duration, 2> order_windows{10s, 24h};
  std::array<OrderWindow, 2> orders_sent_{};
  bool clock_suspect_ = false;  ///< the venue refused a timestamp, and no measurement came since
  domain::Timestamp measured_at_{};

  std::shared_ptr<const FilterTable> filters_;
  std::vector<ReferencePrice> averages_;  ///< by instrument
  std::vector<domain::Money> held_;       ///< by asset: free and locked
  OpenOrders open_;
  domain::Timestamp next_filters_at_ = domain::never;
  domain::Timestamp filters_asked_{};
  bool rules_owed_ = false;  ///< the venue refused by a filter: the engine's rules are old
  domain::Timestamp next_averages_at_ = domain::never;
  std::vector<AssetLimit> asset_limits_;
  std::size_t asset_limits_at_ = 0;  ///< in settings_.instruments: who is next
  domain::Timestamp next_asset_limits_at_ = domain::never;
  std::uint64_t filtered_ = 0;       ///< orders that a filter of ours stopped
  std::uint64_t filter_misses_ = 0;  ///< -1013: a filter of the venue's that ours had let pass
  std::uint64_t sent_by_rest_ = 0;

  bool may_have_second_ = false;
  Second second_ = Second::none;
  bool sends_second_ = false;  ///< while its own logon and subscription are written
  domain::Timestamp rollover_at_ = domain::never;
  domain::Timestamp promote_by_ = domain::never;
  domain::Timestamp second_life_{};
  std::uint64_t rollovers_ = 0;
  std::uint64_t repeats_ = 0;
  struct Heard {
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    std::uint64_t sequence = 0;
  };
  /// The newest execution reports of an overlap, which lasts seconds.
  std::array<Heard, 512> heard_{};
  std::size_t heard_next_ = 0;

  bool reconcile_owed_ = false;
  domain::Timestamp reconcile_at_{};

  CountsOf<OrderFrameKind> frames_{};
  CountsOf<DecodeError> errors_{};
  std::uint32_t errors_said_ = 0;
  bool unknown_asset_said_ = false;
  bool unknown_symbol_said_ = false;
  bool cannot_trade_said_ = false;
  std::vector<std::int32_t> codes_said_;
  std::uint64_t unknown_assets_ = 0;
  std::uint64_t unknown_words_ = 0;
  std::uint64_t unknown_symbols_ = 0;
  std::uint64_t unmatched_ = 0;  ///< answers to nothing that we know
  std::uint64_t late_ = 0;       ///< answers after the time-out
  std::uint64_t timeouts_ = 0;
  std::uint64_t silences_ = 0;
  std::uint64_t reconciles_ = 0;
};

}  // namespace halcyon::gateways::binance
