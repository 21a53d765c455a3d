#include "engine/limit_book.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "config/fields.h"
#include "domain/enum_name.h"

namespace halcyon::engine {

using config::RiskLimits;
using domain::LimitChanged;
using domain::LimitKey;
using domain::LimitLevel;
using domain::Money;
using domain::Reason;
using domain::SetLimit;

namespace {

/// Whether a key of the file is this limit: durations bear their unit there.
bool is_key(std::string_view key, LimitKey wanted) {
  const std::string_view name = domain::enum_name(wanted);
  return key.starts_with(name) && (key.size() == name.size() || key.substr(name.size()) == "_ms");
}

/// The value as its member has it; empty: it does not fit the member or its bounds.
template <class Field>
auto value_of(const Field& field, Money value) {
  using Value = typename std::decay_t<decltype(RiskLimits{}.*(field.member))>::value_type;
  using Result = std::optional<Value>;
  const domain::Int128 raw = value.raw();
  domain::Int128 in_units = raw;  // what min and max bound, in 10^-9
  if (field.unit == config::Unit::milliseconds &&
      __builtin_mul_overflow(raw, domain::Int128{1000}, &in_units)) {
    return Result{};
  }
  const auto bound = [](std::int64_t units) {
    return static_cast<domain::Int128>(units) * domain::decimal_scale;
  };
  const bool is_enough = field.unit == config::Unit::money ? in_units > bound(field.min)
                                                           : in_units >= bound(field.min);
  if (!is_enough || in_units > bound(field.max)) return Result{};
  if constexpr (std::is_same_v<Value, Money>) {
    return Result{value};
  } else if constexpr (std::is_same_v<Value, config::Percent>) {
    constexpr domain::Int128 part = domain::decimal_scale / config::Percent::parts_per_percent;
    if (raw % part != 0) return Result{};
    return Result{config::Percent::from_parts(static_cast<std::int64_t>(raw / part))};
  } else if constexpr (std::is_same_v<Value, domain::Duration>) {
    return Result{domain::Duration{static_cast<std::int64_t>(raw)}};  // seconds in 10^-9
  } else {
    if (raw % domain::decimal_scale != 0) return Result{};
    return Result{static_cast<Value>(raw / domain::decimal_scale)};
  }
}

/// Calls `act(field)` for the field of a key. False when no field has it.
template <class Act>
bool with_field(LimitKey key, Act act) {
  return std::apply(
      [&](const auto&... fields) {
        return ((is_key(fields.key, key) ? (act(fields), true) : false) || ...);
      },
      config::risk_fields);
}

const RiskLimits* named(const std::map<std::string, RiskLimits>& table, const std::string& name) {
  const auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

bool is_same_key(const SetLimit& a, const SetLimit& b) {
  return a.level == b.level && a.key == b.key && a.id == b.id;
}

}  // namespace

LimitBook::LimitBook(const config::Config& config, const domain::Catalog& catalog) {
  const auto fill = [this](LimitLevel level, std::size_t size, auto limits_at) {
    Rows& rows = levels_[static_cast<std::size_t>(level)];
    rows.resize(size);
    for (std::size_t id = 0; id < size; ++id) {
      if (const RiskLimits* limits = limits_at(id)) rows[id].configured = *limits;
      rows[id].effective = rows[id].configured;
    }
  };
  fill(LimitLevel::daemon, 1, [&](std::size_t) { return &config.risk.daemon; });
  fill(LimitLevel::account, catalog.accounts().size(),
       [&](std::size_t id) { return named(config.risk.accounts, catalog.accounts()[id].name); });
  fill(LimitLevel::strategy, catalog.strategies().size(),
       [&](std::size_t id) { return named(config.risk.strategies, catalog.strategies()[id]); });
  fill(LimitLevel::instrument, catalog.instruments().size(), [&](std::size_t id) {
    const domain::Instrument& instrument = catalog.instruments()[id];
    return config::instrument_limits(config, catalog.name(instrument.venue), instrument.symbol);
  });
}

const RiskLimits* LimitBook::find(LimitLevel level, std::uint32_t id) const {
  const Rows& at = rows(level);
  return id < at.size() && at[id].effective ? &*at[id].effective : nullptr;
}

risk::LimitSet LimitBook::of(const domain::NewOrder& order) const {
  return {&daemon(), account(order.account), strategy(order.strategy),
          find(LimitLevel::instrument, static_cast<std::uint32_t>(order.instrument))};
}

Reason LimitBook::refuse(const SetLimit& limit) const {
  if (limit.id >= rows(limit.level).size()) {
    switch (limit.level) {
      case LimitLevel::account:
        return Reason::unknown_account;
      case LimitLevel::strategy:
        return Reason::unknown_strategy;
      case LimitLevel::instrument:
        return Reason::unknown_instrument;
      case LimitLevel::daemon:
        return Reason::unknown_limit;
    }
  }
  bool fits = !limit.is_set;
  const bool is_known = with_field(limit.key, [&](const auto& field) {
    fits = fits || value_of(field, limit.value).has_value();
  });
  return is_known && fits ? Reason::none : Reason::unknown_limit;
}

void LimitBook::apply(const LimitChanged& changed) {
  const auto same = std::find_if(set_.begin(), set_.end(), [&](const LimitChanged& one) {
    return is_same_key(one.limit, changed.limit);
  });
  if (same == set_.end()) {
    set_.push_back(changed);
  } else {
    *same = changed;
  }
  recompute(changed.limit.level, changed.limit.id);
}

void LimitBook::recompute(LimitLevel level, std::uint32_t id) {
  Rows& at = levels_[static_cast<std::size_t>(level)];
  if (id >= at.size()) return;  // of an account or strategy that is not configured any more
  RiskLimits limits = at[id].configured.value_or(RiskLimits{});
  bool has_any = at[id].configured.has_value();
  for (const LimitChanged& one : set_) {
    if (one.limit.level != level || one.limit.id != id || !one.limit.is_set) continue;
    with_field(one.limit.key, [&](const auto& field) {
      // A value that does not fit any more (the bounds are another version's) does not count.
      if (const auto value = value_of(field, one.limit.value)) {
        limits.*(field.member) = value;
        has_any = true;
      }
    });
  }
  at[id].effective = has_any ? std::optional{limits} : std::nullopt;
}

void LimitBook::snapshot(std::vector<domain::RecordEntry>& records) const {
  for (const LimitChanged& one : set_) records.push_back({one, {}});
}

}  // namespace halcyon::engine
