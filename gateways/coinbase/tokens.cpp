#include "gateways/coinbase/tokens.h"

#include <algorithm>
#include <utility>

namespace halcyon::gateways::coinbase {

using domain::Timestamp;
using namespace std::chrono_literals;

TokenPool::TokenPool(std::shared_ptr<const Credentials> credentials, std::vector<std::string> uris,
                     std::size_t count, std::uint32_t tag)
    : credentials_(std::move(credentials)), count_(count), tag_(tag) {
  for (std::string& uri : uris) purposes_.push_back({std::move(uri), {}});
}

std::int64_t TokenPool::start_of(Timestamp venue_now) {
  // A second behind, so that a clock that is a little ahead does not make it a token of the future.
  return std::chrono::floor<std::chrono::seconds>(venue_now).time_since_epoch().count() - 1;
}

void TokenPool::run(const void* context, RestAnswer& answer) {
  const Order& order = *static_cast<const Order*>(context);
  auto made = std::make_shared<Made>();
  made->good_until = order.good_until;
  made->generation = order.generation;
  for (std::size_t at = 0; at < order.uris.size(); ++at) {
    made->tokens.emplace_back(order.purposes[at],
                              make_token(*order.credentials, order.uris[at], order.not_before));
  }
  answer.extra = std::move(made);
}

void TokenPool::refill(Timestamp now, Timestamp venue_now, Actions& actions) {
  if (now < next_refill_) return;
  if (under_way_ != nullptr && now < asked_at_ + retry) {
    next_refill_ = asked_at_ + retry;
    return;
  }
  auto order = std::make_shared<Order>();
  Timestamp next = domain::never;
  for (std::size_t at = 0; at < purposes_.size(); ++at) {
    auto& tokens = purposes_[at].tokens;
    while (!tokens.empty() && tokens.front().good_until <= now) tokens.pop_front();
    // Half of a token's time is left when its successor is made.
    const auto fresh = static_cast<std::size_t>(
        std::count_if(tokens.begin(), tokens.end(),
                      [&](const Token& token) { return token.good_until > now + kept / 2; }));
    if (fresh * 2 > count_) {
      next = std::min(next, tokens[tokens.size() - fresh / 2 - 1].good_until - kept / 2);
      continue;
    }
    for (std::size_t made = fresh; made < count_; ++made) {
      order->uris.push_back(purposes_[at].uri);
      order->purposes.push_back(at);
    }
  }
  if (order->uris.empty()) {
    next_refill_ = next;
    return;
  }
  order->credentials = credentials_;
  order->not_before = start_of(venue_now);
  order->good_until = now + kept;
  order->generation = generation_;
  under_way_ = order;
  asked_at_ = now;
  next_refill_ = now + retry;
  actions.chore({tag_, std::move(order), &run});
}

void TokenPool::take_answer(const RestAnswer& answer) {
  if (answer.extra == nullptr) return;
  const auto& made = *static_cast<const Made*>(answer.extra.get());
  if (under_way_ == nullptr || made.generation != generation_) return;
  under_way_.reset();
  next_refill_ = {};  // what was taken meanwhile
  for (const auto& [purpose, text] : made.tokens) {
    purposes_[purpose].tokens.push_back({text, made.good_until});
  }
}

std::string TokenPool::take(std::size_t purpose, Timestamp now, Timestamp venue_now) {
  auto& tokens = purposes_[purpose].tokens;
  while (!tokens.empty() && tokens.front().good_until <= now) tokens.pop_front();
  if (tokens.empty()) {
    ++signed_in_place_;
    next_refill_ = {};
    return make_token(*credentials_, purposes_[purpose].uri, start_of(venue_now));
  }
  std::string text = std::move(tokens.front().text);
  tokens.pop_front();
  if (tokens.size() * 2 <= count_) next_refill_ = {};
  return text;
}

std::size_t TokenPool::count(std::size_t purpose, Timestamp now) const {
  const auto& tokens = purposes_[purpose].tokens;
  return static_cast<std::size_t>(std::count_if(
      tokens.begin(), tokens.end(), [&](const Token& token) { return token.good_until > now; }));
}

void TokenPool::clear() {
  for (Purpose& purpose : purposes_) purpose.tokens.clear();
  ++generation_;
  under_way_.reset();
  next_refill_ = {};
}

}  // namespace halcyon::gateways::coinbase
