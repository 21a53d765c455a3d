#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "domain/time.h"
#include "gateways/coinbase/sign.h"
#include "gateways/session.h"

namespace halcyon::gateways::coinbase {

/// Tokens made ahead, so that no order waits for a signature: some unused ones for each purpose,
/// made on the helper thread and replaced long before their 120 s end. Each is used once; whether
/// the venue minds a nonce that comes twice is unverified. Pure: `refill` asks, `take_answer` puts
/// in what came. Thread: the session's.
class TokenPool {
 public:
  /// No token is handed out in the last part of its life: it may be long on the way.
  static constexpr domain::Duration kept = std::chrono::seconds{90};
  /// Made anew when half of them are used or old.
  static constexpr domain::Duration retry = std::chrono::seconds{2};

  /// `uris`: one purpose each, as token_uri makes them; empty: a WebSocket subscription. `count`:
  /// unused tokens of each. `tag`: what the chores' answers bear.
  TokenPool(std::shared_ptr<const Credentials> credentials, std::vector<std::string> uris,
            std::size_t count, std::uint32_t tag);

  /// Asks for what is missing. `venue_now`: the venue's clock, which a token's start is read from.
  void refill(domain::Timestamp now, domain::Timestamp venue_now, Actions& actions);
  /// When `refill` has something to do, given that nobody takes one.
  domain::Timestamp next_deadline() const { return next_refill_; }
  /// Puts in what a chore has made.
  void take_answer(const RestAnswer& answer);

  /// A token that nobody has used yet; where there is none it is signed here and now, which takes
  /// tens of microseconds and is counted.
  std::string take(std::size_t purpose, domain::Timestamp now, domain::Timestamp venue_now);
  /// How many are there for a purpose.
  std::size_t count(std::size_t purpose, domain::Timestamp now) const;
  /// Forget them all: the venue's clock is another than was thought, or it has refused one.
  void clear();

  std::uint64_t signed_in_place() const { return signed_in_place_; }

 private:
  struct Token {
    std::string text;
    domain::Timestamp good_until;
  };
  struct Purpose {
    std::string uri;
    std::deque<Token> tokens;  ///< the oldest first
  };
  /// What a chore has to do; lives as long as the chore.
  struct Order {
    std::shared_ptr<const Credentials> credentials;
    std::vector<std::string> uris;  ///< one for each token wanted
    std::vector<std::size_t> purposes;
    std::int64_t not_before = 0;
    domain::Timestamp good_until;
    std::uint64_t generation = 0;
  };
  struct Made {
    std::vector<std::pair<std::size_t, std::string>> tokens;
    domain::Timestamp good_until;
    std::uint64_t generation = 0;
  };
  static void run(const void* context, RestAnswer& answer);
  static std::int64_t start_of(domain::Timestamp venue_now);

  std::shared_ptr<const Credentials> credentials_;
  std::vector<Purpose> purposes_;
  std::size_t count_;
  std::uint32_t tag_;
  std::shared_ptr<const Order> under_way_;
  domain::Timestamp asked_at_{};
  domain::Timestamp next_refill_{};
  std::uint64_t generation_ = 0;
  std::uint64_t signed_in_place_ = 0;
};

}  // namespace halcyon::gateways::coinbase
