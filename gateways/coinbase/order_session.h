#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/command.h"
#include "domain/event.h"
#include "gateways/coinbase/budget.h"
#include "gateways/coinbase/decode.h"
#include "gateways/coinbase/encode.h"
#include "gateways/coinbase/errors.h"
#include "gateways/coinbase/order_memory.h"
#include "gateways/coinbase/sign.h"
#include "gateways/coinbase/symbols.h"
#include "gateways/coinbase/tokens.h"
#include "gateways/counters.h"
#include "gateways/pacing.h"
#include "gateways/request_table.h"
#include "gateways/session.h"

namespace halcyon::gateways::coinbase {

/// What an order session is made from.
struct OrderSettings {
  std::shared_ptr<const Symbols> symbols;
  Identity identity;
  Endpoint endpoint;      ///< the server of the user channel, path included
  std::string rest_host;  ///< as in the Host header; tokens are made for it
  std::string rest_path;  ///< what stands before "/api/v3/brokerage"; mostly empty
  std::shared_ptr<const Credentials> credentials;
  std::uint64_t jitter_seed = 0;
  std::vector<std::string> warnings;  ///< said at the start (a key file that others may read)
};

/// What a REST call asked for.
enum class Method : std::uint8_t {
  place,
  cancel,
  edit,
  order_status,
  open_orders,
  fills,
  balances,
  order_fills,  ///< the executions behind a total that has grown: nobody asked, nothing is framed
  wallet,       ///< balances after a fill, likewise
};
constexpr bool is_order_request(Method method) { return method <= Method::edit; }

/// A list that comes in pages, and an answer that goes out in one piece.
struct Question {
  std::vector<domain::Event> rows;  ///< remark: 1 + index into `remarks`
  std::vector<std::string> remarks;
  std::string cursor;
  std::uint32_t pages = 0;
  std::uint32_t step = 0;      ///< open_orders: 0 what is OPEN, 1 all states since `since`
  domain::Timestamp asked;     ///< when its first page was
  domain::Timestamp since;     ///< lists: created, fills: traded, not before
  domain::Quantity target;     ///< order_fills: what their sum has to reach
  std::uint32_t attempts = 0;  ///< order_fills
  bool is_found = false;       ///< order_status
  bool is_unsure = false;      ///< a row of ours whose status says nothing
};

/// A call that has no answer yet.
struct Pending {
  std::uint64_t id = 0;  ///< 0: the place is free
  domain::Timestamp sent;
  domain::Timestamp deadline;
  bool is_late = false;   ///< said to be unknown already; its answer is still welcome
  bool is_taken = false;  ///< edit: the venue has queued it; its end comes on the user channel
  Method method = Method::place;
  domain::RequestId request;
  domain::OrderId order;
  domain::ForeignId venue_order;
  domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
  domain::Terms terms;  ///< edit: as it shall stand
  std::unique_ptr<Question> question;
};

/// Orders and private events of one account (sections 6 to 10): orders by REST over connections
/// that stand, their life on the `user` channel of a WebSocket, everything else by questions.
///
///   closed → subscribing → ready
///
/// Only in `ready`, with a REST connection and the venue's clock known, do new orders go out;
/// cancels need the REST connection alone. A call is answered by what the venue says and by nothing
/// else: silence, a cut and every 5xx make it `unknown`, and nothing is ever sent twice. The venue
/// finds no order by our id and has no cancel for all: the session remembers the venue's ids, looks
/// for an order of unknown fate in the list of all states, and lets a cancel wait until its order's
/// id is known. Thread: one at a time.
class OrderSession final : public Session {
 public:
  static constexpr domain::Duration answer_time_out = 10s;
  static constexpr domain::Duration silence_limit = 5s;  ///< heartbeats come each second
  static constexpr domain::Duration subscribe_time_out = 10s;
  static constexpr domain::Duration clock_interval = 5min;
  static constexpr domain::Duration clock_retry = 10s;
  static constexpr domain::Duration clock_valid = 20min;
  /// A change of the offset that the engine hears of at once.
  static constexpr domain::Duration clock_news = 20ms;
  static constexpr domain::Duration good_service = 30s;
  static constexpr domain::Duration forbidden_pause = 5min;
  static constexpr domain::Duration throttle_pause = 1s;
  /// One call on one idle connection: each of four hears of us every twenty seconds.
  static constexpr domain::Duration warm_interval = 5s;
  static constexpr std::size_t standing_lines = 4;
  /// So many holes in a minute, and the connection is not worth keeping.
  static constexpr std::size_t gaps_allowed = 3;
  static constexpr domain::Duration gap_window = 1min;
  /// A frame that was lost may have been a fill: the engine is made to compare everything, at most
  /// that often.
  static constexpr domain::Duration reconcile_interval = 30s;
  /// Executions are asked for so long after a total has grown, and again until they add up.
  static constexpr domain::Duration fills_delay = 100ms;
  static constexpr domain::Duration longest_fills_pause = 10s;
  static constexpr std::uint32_t max_fills_attempts = 12;
  static constexpr std::size_t max_owed_fills = 256;
  static constexpr std::size_t max_corrections = 256;
  static constexpr domain::Duration wallet_delay = 300ms;
  static constexpr std::size_t max_waiting_cancels = 128;
  static constexpr domain::Duration cancels_retry = 100ms;
  static constexpr std::uint32_t max_pages = 200;
  /// Orders that live and are not OPEN (pending, queued, in a change) are looked for among those
  /// created since then, the first time; afterwards since the last whole list.
  static constexpr domain::Duration first_look_back = 1h;
  static constexpr domain::Duration look_back = 5min;
  /// What a fills question begins earlier, since the venue's order is by another time.
  static constexpr domain::Duration fills_margin = 1min;
  static constexpr std::size_t tokens_ahead = 16;

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
  std::size_t rest_lines() const override { return standing_lines; }
  std::string_view rest_number_header() const override { return "x-ratelimit-remaining"; }
  void on_lines(std::size_t standing, std::size_t idle, domain::Timestamp now,
                Actions& actions) override;
  void on_call(std::uint32_t tag, bool has_left, domain::Timestamp now, Actions& actions) override;
  void on_command(const domain::OrderCommand& command, domain::Timestamp now,
                  Actions& actions) override;
  void on_request(const domain::VenueRequest& request, domain::Timestamp now,
                  Actions& actions) override;
  void each_counter(const Count& count) const override;

 private:
  enum class State : std::uint8_t { closed, subscribing, ready };
  enum class RestKind : std::uint8_t { request, tokens, clock, permissions };
  /// What a token is for.
  enum Purpose : std::size_t { to_create, to_edit, to_cancel, to_subscribe };
  struct Hold {
    domain::Reason reason = domain::Reason::none;
    std::string_view words;
  };
  /// Executions that are owed: asked for when `due`.
  struct Owed {
    domain::OrderId order;
    domain::ForeignId venue_order;
    domain::InstrumentId instrument = domain::no<domain::InstrumentId>;
    domain::Quantity target;
    domain::Timestamp due;
    std::uint32_t attempts = 0;
  };
  struct Signing {
    std::shared_ptr<const Credentials> credentials;
    std::string host;
    domain::Duration offset{};
  };

  // Sending (order_sending.cpp).
  void place(const domain::NewOrder& order, domain::Timestamp valid_until, domain::Timestamp now,
             Actions& actions);
  void cancel(const domain::CancelRequest& cancel, domain::Timestamp now, Actions& actions);
  void edit(const domain::ReplaceRequest& request, domain::Timestamp valid_until,
            domain::Timestamp now, Actions& actions);
  /// True when it went out, or was answered; false: it has to wait.
  bool try_cancel(const domain::CancelRequest& cancel, domain::Timestamp now, Actions& actions);
  void try_waiting_cancels(domain::Timestamp now, Actions& actions);
  void end_waiting_cancel(domain::OrderId order, domain::Timestamp now, Actions& actions);
  Hold hold_of_order(domain::Timestamp valid_until, domain::Timestamp now);
  void transmit(const Pending& pending, Purpose purpose, std::string_view path,
                const Encoded& encoded, domain::Timestamp now, Actions& actions);
  void on_order_answer(Pending& pending, const RestAnswer& answer, domain::Timestamp now,
                       Actions& actions);
  void react(Reaction reaction, int status, std::string_view words, domain::Timestamp now,
             Actions& actions);

  // Questions (order_questions.cpp).
  static void sign_request(const void* signer, RestRequest& request, domain::Timestamp now);
  static void decode_list(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_one(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_executions(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_wallets(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_clock(const void* context, std::string_view body, RestAnswer& answer);
  static void decode_rights(const void* context, std::string_view body, RestAnswer& answer);
  static void take_error(std::string_view body, RestAnswer& answer);
  RestRequest signed_get(std::uint32_t tag, std::string target) const;
  void send_question(Pending& pending, Actions& actions);
  void send_questions(domain::Timestamp now, Actions& actions);
  void queue_question(const Pending& pending, domain::Timestamp now, Actions& actions);
  /// The next page is a call of its own, with a time-out of its own.
  void queue_next_page(Pending& pending, domain::Timestamp now, Actions& actions);
  void on_question_answer(Pending& pending, RestAnswer& answer, domain::Timestamp now,
                          Actions& actions);
  void take_rows(Pending& pending, RestAnswer& answer);
  void end_question(Pending& pending, domain::Completeness completeness, bool not_found,
                    domain::Reason reason, domain::Timestamp now, Actions& actions);
  void owe_fills(const Owed& owed);
  void ask_owed(domain::Timestamp now, Actions& actions);
  void ask_wallet(domain::Timestamp now, Actions& actions);
  void ask_clock(domain::Timestamp now, Actions& actions);

  // Frames.
  void on_user_row(const OrderRow& row, domain::Timestamp now, Actions& actions);
  bool follow_sequence(domain::Timestamp now, Actions& actions);
  void owe_reconcile(domain::Timestamp now, Actions& actions);
  void reconcile_if_due(domain::Timestamp now, Actions& actions);
  void become_ready_if_whole(domain::Timestamp now, Actions& actions);
  void leave(domain::Reason reason, domain::Timestamp now, Actions& actions);
  void drop(std::string_view why, domain::Reason reason, bool is_forbidden, domain::Timestamp now,
            Actions& actions);
  void expire(Pending& pending, domain::Timestamp now, Actions& actions);

  // Telling.
  domain::Event event_of(domain::Event::What what, domain::Timestamp now,
                         domain::InstrumentId instrument) const;
  void set_state(domain::StreamState state, domain::Reason reason, domain::Timestamp now,
                 Actions& actions);
  void tell_outcome(const Pending& pending, domain::Outcome outcome, domain::Reason reason,
                    int code, std::string_view words, domain::Timestamp now, Actions& actions);
  void tell_not_sent(domain::RequestId request, domain::OrderId order, domain::RequestKind kind,
                     domain::InstrumentId instrument, domain::Reason reason, std::string_view words,
                     domain::Timestamp now, Actions& actions);
  void tell_no_answer(const domain::VenueRequest& request, domain::Reason reason,
                      domain::Timestamp now, Actions& actions);
  void say_once(std::string_view kind, std::string words, Actions& actions);
  domain::Timestamp venue_time(domain::Timestamp now) const { return now + offset_; }
  bool is_forbidden(domain::Timestamp now) const { return now < forbidden_until_; }
  static std::uint32_t tag(RestKind kind, std::uint64_t number) {
    return static_cast<std::uint32_t>(kind) << 30 |
           static_cast<std::uint32_t>(number & RequestTable<Pending>::tag_mask);
  }
  std::string path(std::string_view behind) const;

  OrderSettings settings_;
  RestContext rest_context_;
  TokenPool tokens_;
  std::shared_ptr<const Signing> signing_;
  Scratch scratch_;
  Message message_;
  std::vector<domain::Event> decoded_;
  RequestTable<Pending> requests_;
  std::array<char, max_body_bytes_of_order> buffer_{};

  State state_ = State::closed;
  domain::StreamState told_ = domain::StreamState::down;
  bool dropped_ = false;  ///< we ended the connection; the driver will say it is closed
  bool is_subscribed_ = false;
  std::size_t lines_ = 0, idle_ = 0;  ///< REST connections that stand, and that carry nothing
  domain::Timestamp reconnect_at_{};
  domain::Timestamp opened_at_{};
  domain::Timestamp last_life_{};
  domain::Timestamp confirm_by_ = domain::never;
  std::uint64_t next_sequence_ = 0;
  std::array<domain::Timestamp, gaps_allowed> gaps_{};
  std::size_t next_gap_ = 0;
  ReconnectPacer pacer_;

  ClockEstimate clock_;
  domain::Duration offset_{};
  domain::Timestamp measured_at_{};
  domain::Duration told_offset_{};
  domain::Timestamp told_offset_at_{};
  domain::Timestamp next_clock_at_ = domain::never;
  domain::Timestamp next_warm_at_ = domain::never;

  CallBudget budget_;
  domain::Timestamp throttled_until_{};
  domain::Timestamp forbidden_until_{};
  std::uint32_t tokens_refused_ = 0;  ///< one after the other
  bool may_trade_ = true;             ///< the key's permissions

  OrderMemory memory_;
  std::deque<domain::CancelRequest> waiting_cancels_;
  domain::Timestamp cancels_at_ = domain::never;
  std::deque<std::uint64_t> questions_;  ///< pendings whose call waits for budget
  domain::Timestamp questions_at_ = domain::never;
  std::vector<Owed> owed_;
  domain::Timestamp owed_at_ = domain::never;
  domain::Timestamp wallet_at_ = domain::never;
  bool wallet_under_way_ = false;
  domain::Timestamp whole_list_at_{};  ///< when the last whole list of orders was asked for
  bool reconcile_owed_ = false;
  domain::Timestamp reconcile_at_{};
  std::deque<domain::ForeignId> corrections_;  ///< told already, the last few

  CountsOf<Channel> frames_{};
  CountsOf<DecodeError> errors_{};
  std::vector<std::string> said_;
  std::uint64_t unmatched_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t timeouts_ = 0;
  std::uint64_t silences_ = 0;
  std::uint64_t holes_ = 0;
  std::uint64_t frames_repeated_ = 0;
  std::uint64_t reconciles_ = 0;
  std::uint64_t unknown_products_ = 0;
  std::uint64_t unknown_words_ = 0;
  std::uint64_t unknown_assets_ = 0;
  std::uint64_t totals_fell_ = 0;
  std::uint64_t no_line_ = 0;
};

}  // namespace halcyon::gateways::coinbase
