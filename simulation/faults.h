#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace halcyon::simulation {

/// What can go wrong on request, each consulted at one named point of a venue.
enum class FaultKind : std::uint8_t {
  // At a request, before it is executed:
  refuse,           ///< answered with `code`, `status`, `text`; not executed
  unknown_status,   ///< answered with -1007; executed or not, as `executed` says
  drop_connection,  ///< the line is cut; the request is executed or not, as `executed` says
  // At a request's answer, after it was executed:
  lose_answer,
  delay_answer,      ///< by `duration_ms`
  malformed_answer,  ///< cut in the middle
  events_first,      ///< the private events go out before the answer
  // At a private event:
  lose_private,
  duplicate_private,
  reorder_private,  ///< goes out after the next one, or a second later
  // At a market frame:
  depth_gap,        ///< a depth event is not sent
  malformed_frame,  ///< cut in the middle
  huge_frame,       ///< a frame of `bytes` beside the true one
};

/// Where a request or a frame belongs.
enum class Place : std::uint8_t { any, market, orders, rest };

/// One wish. Empty or `any` conditions hold always.
struct FaultRule {
  std::uint64_t id = 0;
  FaultKind kind = FaultKind::refuse;
  Place place = Place::any;
  std::string method;   ///< "order.place"; of a request
  std::string account;  ///< of a request or private event
  std::string event;    ///< "executionReport", "TRADE", "depth", "trade", "bookTicker"; of an event
  std::uint64_t skip = 0;   ///< let this many pass first
  std::uint64_t times = 1;  ///< then happen this often; 0 is for ever
  unsigned chance_permille = 1000;
  bool executed = true;
  std::int64_t duration_ms = 0;
  std::int64_t bytes = 0;
  int code = 0;
  int status = 400;
  std::string text;
};

/// The list of wishes. Deterministic: chances come from the seed.
class Faults {
 public:
  static constexpr std::size_t max_rules = 1000;

  explicit Faults(std::uint64_t seed) : random_(seed) {}

  /// The rule's id; empty when there are too many.
  std::optional<std::uint64_t> add(FaultRule rule);
  bool clear(std::uint64_t id);
  void clear() { rules_.clear(); }
  const std::vector<FaultRule>& rules() const { return rules_; }

  struct Point {
    Place place = Place::any;
    std::string_view method = {};
    std::string_view account = {};
    std::string_view event = {};
    std::string_view detail = {};  ///< a second name of the event
  };
  /// Whether a fault of that kind happens here, and which. Counts it.
  std::optional<FaultRule> take(FaultKind kind, const Point& point);

 private:
  std::vector<FaultRule> rules_;
  std::uint64_t next_id_ = 1;
  std::mt19937_64 random_;
};

}  // namespace halcyon::simulation
