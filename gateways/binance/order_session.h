#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "gateways/binance/counters.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/encode.h"
#include "gateways/binance/errors.h"
#include "gateways/binance/pacing.h"
#include "gateways/binance/request_table.h"
#include "gateways/binance/sign.h"
#include "gateways/binance/symbols.h"
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
  static constexpr domain::Duration clock_interval = 5min;
  static constexpr domain::Duration clock_retry = 30s;
  static constexpr domain::Duration clock_alarm = 250ms;
  static constexpr int clock_samples = 3;
  /// Our timestamps stay so far behind the venue's clock that they are never ahead of it.
  static constexpr domain::Duration timestamp_margin = 5ms;
  static constexpr domain::Duration good_service = 30s;
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
  /// Of the venue's request weight; beyond it only orders, cancels and order queries go out.
  static constexpr std::int64_t query_weight_pct = 90;

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

 private:
  enum class State : std::uint8_t { closed, measuring, logging_on, subscribing, ready, draining };
  enum class Pause : std::uint8_t { none, paced, forbidden };  ///< before the next connection

  // Sending.
  RequestContext context_at(domain::Timestamp now) const;
  void place(const domain::NewOrder& order, domain::Timestamp valid_until, domain::Timestamp now,
             Actions& actions);
  void cancel(const domain::CancelRequest& cancel, domain::Timestamp now, Actions& actions);
  void send_time(domain::Timestamp now, Actions& actions);
  void send_logon(domain::Timestamp now, Actions& actions);
  void send_subscribe(domain::Timestamp now, Actions& actions);
  void send_fills_page(Pending& pending, domain::Timestamp now, Actions& actions);
  void start_measuring(domain::Timestamp now, Actions& actions);
  Pending* open_request(Method method, domain::Timestamp now);
  void send(const Encoded& encoded, Actions& actions);

  // Answers.
  void on_response(const Response& response, domain::Timestamp now, Actions& actions);
  void on_time_answer(domain::Timestamp sent, const Response& response, domain::Timestamp now,
                      Actions& actions);
  void on_measured(domain::Timestamp now, Actions& actions);
  void on_logon_answer(const Response& response, domain::Timestamp now, Actions& actions);
  void on_subscribe_answer(const Response& response, domain::Timestamp now, Actions& actions);
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
  void tell_not_sent(domain::RequestId request, domain::OrderId order, domain::RequestKind kind,
                     domain::InstrumentId instrument, domain::Reason reason, std::string_view words,
                     domain::Timestamp now, Actions& actions);
  void tell_no_answer(const domain::VenueRequest& request, domain::Reason reason,
                      domain::Timestamp now, Actions& actions);
  bool said_before(std::int32_t code);

  /// Whether the venue's weight allows a question now.
  bool may_ask(domain::QueryKind kind, domain::Timestamp now) const;
  std::int64_t minute_of(domain::Timestamp now) const;

  domain::Timestamp venue_time(domain::Timestamp now) const { return now + offset_; }

  OrderSettings settings_;
  bool signs_each_;  ///< the key cannot log on
  Scratch scratch_;
  RequestTable requests_;
  std::array<char, max_request_bytes> buffer_{};

  State state_ = State::closed;
  domain::StreamState told_ = domain::StreamState::down;
  bool is_known_ = false;  ///< logged on, or every request is signed: cancels may go out
  bool dropped_ = false;   ///< we ended the connection; the driver will say it is closed
  domain::Timestamp reconnect_at_{};
  domain::Timestamp opened_at_{};
  domain::Timestamp last_life_{};
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
