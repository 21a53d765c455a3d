// What an order session asks: for the engine, and to learn the executions behind totals.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "domain/enum_name.h"
#include "gateways/coinbase/order_session.h"

namespace halcyon::gateways::coinbase {

using domain::Completeness;
using domain::Event;
using domain::QueryKind;
using domain::Reason;
using domain::Timestamp;

namespace {

QueryKind query_kind(Method method) {
  switch (method) {
    case Method::open_orders:
      return QueryKind::open_orders;
    case Method::fills:
      return QueryKind::fills_since;
    case Method::balances:
      return QueryKind::balances;
    default:
      return QueryKind::order_status;
  }
}

/// Asked by the session itself: its rows go out as they are.
bool is_own(Method method) { return method >= Method::order_fills; }

}  // namespace

// ---- On the helper thread -----------------------------------------------------------------------

void OrderSession::sign_request(const void* signer, RestRequest& request, Timestamp now) {
  const auto& signing = *static_cast<const Signing*>(signer);
  const std::int64_t start =
      std::chrono::floor<std::chrono::seconds>(now + signing.offset).time_since_epoch().count() - 1;
  request.headers.emplace_back(
      "Authorization",
      "Bearer " + make_token(*signing.credentials,
                             token_uri(request.method, signing.host, request.target), start));
}

void OrderSession::take_error(std::string_view body, RestAnswer& answer) {
  Scratch scratch;
  ErrorAnswer refusal;
  decode_error(body, scratch, refusal);
  answer.error = fmt::format("{} {}", refusal.code, refusal.words);
}

namespace {

/// A body that is not understood is no answer.
void note(DecodeError error, RestAnswer& answer) {
  if (error == DecodeError::none) return;
  answer.status = 0;
  answer.error = fmt::format("an answer could not be understood: {}", domain::enum_name(error));
}

}  // namespace

void OrderSession::decode_list(const void* context, std::string_view body, RestAnswer& answer) {
  if (answer.status / 100 != 2) return take_error(body, answer);
  Scratch scratch;
  note(decode_orders(body, *static_cast<const RestContext*>(context), domain::Source::list_query,
                     scratch, answer),
       answer);
}

void OrderSession::decode_one(const void* context, std::string_view body, RestAnswer& answer) {
  if (answer.status / 100 != 2) return take_error(body, answer);
  Scratch scratch;
  note(decode_orders(body, *static_cast<const RestContext*>(context), domain::Source::single_query,
                     scratch, answer),
       answer);
}

void OrderSession::decode_executions(const void* context, std::string_view body,
                                     RestAnswer& answer) {
  if (answer.status / 100 != 2) return take_error(body, answer);
  Scratch scratch;
  note(decode_fills(body, *static_cast<const RestContext*>(context), scratch, answer), answer);
}

void OrderSession::decode_wallets(const void* context, std::string_view body, RestAnswer& answer) {
  if (answer.status / 100 != 2) return take_error(body, answer);
  Scratch scratch;
  note(decode_accounts(body, *static_cast<const RestContext*>(context), scratch, answer), answer);
}

void OrderSession::decode_clock(const void*, std::string_view body, RestAnswer& answer) {
  if (answer.status / 100 != 2) return take_error(body, answer);
  Scratch scratch;
  note(decode_time(body, scratch, answer), answer);
}

void OrderSession::decode_rights(const void*, std::string_view body, RestAnswer& answer) {
  if (answer.status / 100 != 2) return take_error(body, answer);
  Scratch scratch;
  note(decode_permissions(body, scratch, answer), answer);
}

// ---- Asking -------------------------------------------------------------------------------------

RestRequest OrderSession::signed_get(std::uint32_t number, std::string target) const {
  RestRequest request;
  request.tag = number;
  request.target = std::move(target);
  request.context = &rest_context_;
  request.sign = &sign_request;
  request.signer = signing_;
  request.number_header = rest_number_header();
  return request;
}

void OrderSession::ask_clock(Timestamp now, Actions& actions) {
  RestRequest request;
  request.tag = tag(RestKind::clock, 0);
  request.target = path("/time");
  request.decode = &decode_clock;
  actions.rest(std::move(request));
  next_clock_at_ = now + clock_interval;
}

void OrderSession::tell_no_answer(const domain::VenueRequest& request, Reason reason, Timestamp now,
                                  Actions& actions) {
  actions.emit(
      event_of(domain::AnswerBegin{request.request, request.kind}, now, request.instrument));
  domain::AnswerEnd end;
  end.request = request.request;
  end.kind = request.kind;
  end.completeness = Completeness::partial;
  end.reason = reason;
  actions.emit(event_of(end, now, request.instrument));
}

void OrderSession::on_request(const domain::VenueRequest& request, Timestamp now,
                              Actions& actions) {
  if (request.kind == QueryKind::resync_book) return;  // the market session's
  if (is_forbidden(now)) return tell_no_answer(request, Reason::not_permitted, now, actions);
  Pending* pending = requests_.open(now, answer_time_out);
  if (pending == nullptr) return tell_no_answer(request, Reason::outbox_full, now, actions);
  pending->request = request.request;
  pending->order = request.order;
  pending->venue_order = request.venue_order;
  pending->instrument = request.instrument;
  pending->question = std::make_unique<Question>();
  pending->question->asked = now;
  switch (request.kind) {
    case QueryKind::open_orders:
      pending->method = Method::open_orders;
      pending->question->since = whole_list_at_ == Timestamp{} ? venue_time(now) - first_look_back
                                                               : whole_list_at_ - look_back;
      break;
    case QueryKind::balances:
      pending->method = Method::balances;
      break;
    case QueryKind::fills_since:
      pending->method = Method::fills;
      if (request.since != Timestamp{}) {
        pending->question->since = venue_time(request.since) - fills_margin;
      }
      break;
    default: {
      pending->method = Method::order_status;
      const OrderMemory::Known* known = memory_.find(request.order);
      if (pending->venue_order.is_none() && known != nullptr) {
        pending->venue_order = known->venue_order;
      }
      // Without the venue's id the list of all states is looked through, from when it was sent; an
      // order of an earlier run cannot be older than that run.
      const bool is_ours_now = known != nullptr && known->sent != Timestamp{};
      pending->question->since =
          (is_ours_now ? venue_time(known->sent)
                       : Timestamp{std::chrono::seconds{request.order.epoch}}) -
          look_back;
      break;
    }
  }
  queue_question(*pending, now, actions);
}

void OrderSession::queue_question(const Pending& pending, Timestamp now, Actions& actions) {
  questions_.push_back(pending.id);
  send_questions(now, actions);
}

void OrderSession::queue_next_page(Pending& pending, Timestamp now, Actions& actions) {
  Pending* const next = requests_.open(now, answer_time_out);
  if (next == nullptr) {
    return end_question(pending, Completeness::partial, false, Reason::outbox_full, now, actions);
  }
  next->method = pending.method;
  next->request = pending.request;
  next->order = pending.order;
  next->venue_order = pending.venue_order;
  next->instrument = pending.instrument;
  next->question = std::move(pending.question);
  requests_.close(pending);
  queue_question(*next, now, actions);
}

void OrderSession::send_questions(Timestamp now, Actions& actions) {
  questions_at_ = domain::never;
  while (!questions_.empty()) {
    if (now < throttled_until_ || !budget_.has_room(CallBudget::for_questions, now)) {
      questions_at_ = std::max(throttled_until_, CallBudget::next_second(now));
      return;
    }
    Pending* const pending = requests_.find(questions_.front());
    questions_.pop_front();
    if (pending == nullptr) continue;  // has waited for too long
    static_cast<void>(budget_.try_spend(CallBudget::for_questions, now));
    send_question(*pending, actions);
  }
}

void OrderSession::send_question(Pending& pending, Actions& actions) {
  const Question& question = *pending.question;
  const std::string& base = settings_.rest_path;
  const std::uint32_t number = tag(RestKind::request, pending.id);
  const std::string_view product = settings_.symbols->name(pending.instrument);
  std::string target;
  auto decode = &decode_list;
  switch (pending.method) {
    case Method::order_status:
      if (!pending.venue_order.is_none() && is_uuid(pending.venue_order)) {
        target = order_target(base, pending.venue_order);
        decode = &decode_one;
      } else {
        // The OPEN filter hides orders that are pending or queued, and those are alive.
        target = orders_target(base, {{}, product, question.since, 250, question.cursor});
        decode = &decode_one;
      }
      break;
    case Method::open_orders:
      target = question.step == 0
                   ? orders_target(base, {"OPEN", product, {}, 250, question.cursor})
                   : orders_target(base, {{}, product, question.since, 250, question.cursor});
      break;
    case Method::fills:
      target = fills_target(base, {product, {}, question.since, 250, question.cursor});
      decode = &decode_executions;
      break;
    case Method::order_fills:
      target = fills_target(base, {{}, pending.venue_order, {}, 250, question.cursor});
      decode = &decode_executions;
      break;
    default:
      target = accounts_target(base, question.cursor);
      decode = &decode_wallets;
      break;
  }
  RestRequest request = signed_get(number, std::move(target));
  request.decode = decode;
  actions.rest(std::move(request));
}

// ---- Answers ------------------------------------------------------------------------------------

void OrderSession::take_rows(Pending& pending, RestAnswer& answer) {
  Question& question = *pending.question;
  const auto first_remark = static_cast<std::uint32_t>(question.remarks.size());
  for (std::string& words : answer.remarks) question.remarks.push_back(std::move(words));
  for (Event& event : answer.events) {
    if (event.remark != 0) event.remark += first_remark;
    if (auto* report = std::get_if<domain::OrderReport>(&event.what)) {
      if (!report->order.is_none()) memory_.learn(report->order, report->venue_order);
      if (pending.method == Method::order_status) {
        // Of a list only the one that was asked for.
        const bool is_it = pending.venue_order.is_none()
                               ? report->order == pending.order
                               : report->venue_order == pending.venue_order;
        if (!is_it) continue;
        question.is_found = true;
      } else {
        // The two lists overlap; the later word counts.
        std::erase_if(question.rows, [&](const Event& other) {
          const auto* known = std::get_if<domain::OrderReport>(&other.what);
          return known != nullptr && known->venue_order == report->venue_order;
        });
      }
    } else if (auto* fill = std::get_if<domain::Execution>(&event.what)) {
      fill->order = memory_.find(fill->venue_order);
    } else if (auto* corrected = std::get_if<domain::TradeCorrected>(&event.what)) {
      corrected->order = memory_.find(corrected->venue_order);
      // Lists repeat themselves, and an alarm is worth one.
      if (std::find(corrections_.begin(), corrections_.end(), corrected->trade) !=
          corrections_.end()) {
        continue;
      }
      corrections_.push_back(corrected->trade);
      if (corrections_.size() > max_corrections) corrections_.pop_front();
    }
    question.rows.push_back(event);
  }
}

void OrderSession::on_question_answer(Pending& pending, RestAnswer& answer, Timestamp now,
                                      Actions& actions) {
  Question& question = *pending.question;
  if (answer.status == 404 && pending.method == Method::order_status) {
    return end_question(pending, Completeness::complete, true, Reason::none, now, actions);
  }
  if (answer.status / 100 != 2 || answer.extra == nullptr) {
    const Judgement judgement = judge_status(answer.status);
    const int status = answer.status;
    if (status == 0) {
      say_once("question", fmt::format("a question was not answered: {}", answer.error), actions);
    }
    if (status == 429) {
      throttled_until_ = std::max(
          throttled_until_, now + std::max<domain::Duration>(answer.retry_after, throttle_pause));
    }
    end_question(pending, Completeness::partial, false, judgement.reason, now, actions);
    if (status == 401 || status == 403 || status == 429) {
      react(judgement.reaction, status, answer.error, now, actions);
    }
    return;
  }
  const auto& page = *static_cast<const Page*>(answer.extra.get());
  unknown_products_ += page.unknown_products;
  unknown_words_ += page.unknown_words;
  unknown_assets_ += page.unknown_assets;
  if (page.unknown_assets > 0) {
    say_once("asset",
             fmt::format("the account has {}, which no configured instrument names: "
                         "balances in such assets are not followed",
                         page.unknown_asset),
             actions);
  }
  for (const OrderRow& row : page.unresolved) {
    if (!row.order.is_none()) memory_.learn(row.order, row.venue_order);
    const bool is_asked = pending.method == Method::order_status &&
                          (row.order == pending.order || row.venue_order == pending.venue_order);
    question.is_unsure = question.is_unsure || is_asked;
  }
  take_rows(pending, answer);
  question.cursor = page.cursor;
  const bool is_done = pending.method == Method::order_status && question.is_found;
  if (!page.cursor.empty() && !is_done) {
    if (++question.pages >= max_pages) {
      return end_question(pending, Completeness::partial, false, Reason::venue_refused_rate_limit,
                          now, actions);
    }
    return queue_next_page(pending, now, actions);
  }
  if (pending.method == Method::open_orders && question.step == 0) {
    question.step = 1;
    return queue_next_page(pending, now, actions);
  }
  if (question.is_unsure) {
    return end_question(pending, Completeness::partial, false, Reason::venue_outcome_unknown, now,
                        actions);
  }
  if (pending.method == Method::open_orders) whole_list_at_ = venue_time(question.asked);
  const bool not_found = pending.method == Method::order_status && !question.is_found;
  end_question(pending, Completeness::complete, not_found, Reason::none, now, actions);
}

void OrderSession::end_question(Pending& pending, Completeness completeness, bool not_found,
                                Reason reason, Timestamp now, Actions& actions) {
  const Method method = pending.method;
  Question& question = *pending.question;
  const bool is_whole = completeness == Completeness::complete;
  if (!is_own(method)) {
    actions.emit(event_of(domain::AnswerBegin{pending.request, query_kind(method)}, now,
                          pending.instrument));
  }
  // The venue tells the newest first.
  if (method == Method::fills || method == Method::order_fills) {
    std::reverse(question.rows.begin(), question.rows.end());
  }
  if (method == Method::balances && is_whole) {
    // Wallets that the venue does not mention are empty.
    for (const domain::AssetId asset : settings_.symbols->traded_assets()) {
      const bool is_told =
          std::any_of(question.rows.begin(), question.rows.end(), [&](const Event& row) {
            const auto* balance = std::get_if<domain::Balance>(&row.what);
            return balance != nullptr && balance->asset == asset;
          });
      if (is_told) continue;
      domain::Balance nothing;
      nothing.asset = asset;
      nothing.source = domain::Source::list_query;
      question.rows.push_back(event_of(nothing, now, domain::no<domain::InstrumentId>));
    }
  }
  const auto first_remark = static_cast<std::uint32_t>(actions.remark_list().size());
  domain::Quantity sum;
  for (Event& row : question.rows) {
    if (row.remark != 0) row.remark += first_remark;
    if (const auto* fill = std::get_if<domain::Execution>(&row.what)) sum += fill->quantity;
    actions.event_list().push_back(row);
  }
  for (std::string& words : question.remarks) actions.remark_list().push_back(std::move(words));
  if (!is_own(method)) {
    domain::AnswerEnd end;
    end.request = pending.request;
    end.kind = query_kind(method);
    end.completeness = completeness;
    end.not_found = not_found;
    end.reason = reason;
    actions.emit(event_of(end, now, pending.instrument));
  }
  if (method == Method::order_fills && (!is_whole || sum < question.target)) {
    // REST can lag behind the channel: again until they add up.
    const std::uint32_t attempts = question.attempts + 1;
    if (attempts < max_fills_attempts) {
      const domain::Duration pause = std::min<domain::Duration>(
          fills_delay * (1 << std::min(attempts, 10U)), longest_fills_pause);
      owe_fills({pending.order, pending.venue_order, pending.instrument, question.target,
                 now + pause, attempts});
    }
  }
  if (method == Method::wallet) wallet_under_way_ = false;
  requests_.close(pending);
  try_waiting_cancels(now, actions);
}

// ---- What is owed -------------------------------------------------------------------------------

void OrderSession::owe_fills(const Owed& owed) {
  const auto same = std::find_if(owed_.begin(), owed_.end(), [&](const Owed& other) {
    return other.venue_order == owed.venue_order;
  });
  if (same != owed_.end()) {
    same->target = std::max(same->target, owed.target);
    same->due = std::min(same->due, owed.due);
  } else if (owed_.size() < max_owed_fills) {
    owed_.push_back(owed);
  }  // else the engine's own comparison lists them
  owed_at_ = std::min(owed_at_, owed.due);
}

void OrderSession::ask_owed(Timestamp now, Actions& actions) {
  owed_at_ = domain::never;
  for (std::size_t at = 0; at < owed_.size();) {
    if (owed_[at].due > now) {
      owed_at_ = std::min(owed_at_, owed_[at].due);
      ++at;
      continue;
    }
    Pending* const pending = requests_.open(now, answer_time_out);
    if (pending == nullptr) {
      owed_at_ = now + fills_delay;
      return;
    }
    const Owed owed = owed_[at];
    owed_.erase(owed_.begin() + static_cast<std::ptrdiff_t>(at));
    pending->method = Method::order_fills;
    pending->order = owed.order;
    pending->venue_order = owed.venue_order;
    pending->instrument = owed.instrument;
    pending->question = std::make_unique<Question>();
    pending->question->target = owed.target;
    pending->question->attempts = owed.attempts;
    queue_question(*pending, now, actions);
  }
}

void OrderSession::ask_wallet(Timestamp now, Actions& actions) {
  wallet_at_ = domain::never;
  if (wallet_under_way_) {
    wallet_at_ = now + wallet_delay;
    return;
  }
  Pending* const pending = requests_.open(now, answer_time_out);
  if (pending == nullptr) {
    wallet_at_ = now + wallet_delay;
    return;
  }
  wallet_under_way_ = true;
  pending->method = Method::wallet;
  pending->question = std::make_unique<Question>();
  queue_question(*pending, now, actions);
}

}  // namespace halcyon::gateways::coinbase
