#include "simulation/faults.h"

#include <algorithm>
#include <utility>

namespace halcyon::simulation {

std::optional<std::uint64_t> Faults::add(FaultRule rule) {
  if (rules_.size() >= max_rules) return std::nullopt;
  rule.id = next_id_++;
  rules_.push_back(std::move(rule));
  return rules_.back().id;
}

bool Faults::clear(std::uint64_t id) {
  return std::erase_if(rules_, [&](const FaultRule& rule) { return rule.id == id; }) > 0;
}

std::optional<FaultRule> Faults::take(FaultKind kind, const Point& point) {
  for (auto& rule : rules_) {
    if (rule.kind != kind) continue;
    if (rule.place != Place::any && rule.place != point.place) continue;
    if (!rule.method.empty() && rule.method != point.method) continue;
    if (!rule.account.empty() && rule.account != point.account) continue;
    if (!rule.event.empty() && rule.event != point.event && rule.event != point.detail) continue;
    if (rule.chance_permille < 1000 && random_() % 1000 >= rule.chance_permille) continue;
    if (rule.skip > 0) {
      --rule.skip;
      continue;
    }
    const auto taken = rule;
    if (rule.times == 1) {
      clear(taken.id);
    } else if (rule.times > 1) {
      --rule.times;
    }
    return taken;
  }
  return std::nullopt;
}

}  // namespace halcyon::simulation
