#include "daemon/metrics.h"

#include <array>
#include <cmath>
#include <initializer_list>
#include <map>
#include <string_view>
#include <type_traits>
#include <variant>

#include <fmt/format.h>

#include "domain/decimal.h"
#include "domain/enum_name.h"

namespace halcyon::daemon {

namespace {

using domain::enum_name;

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Inside quotes backslash, quote and line end are escaped; in a HELP text all but the quote.
std::string escape(std::string_view text, bool in_quotes) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\\' || (c == '"' && in_quotes)) {
      escaped += '\\';
      escaped += c;
    } else {
      escaped += c;
    }
  }
  return escaped;
}

template <class List>
std::string print_labels(const List& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += text.empty() ? "{" : ",";
    text += fmt::format("{}=\"{}\"", name, escape(value, true));
  }
  return text.empty() ? text : text + "}";
}

std::string print_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

/// Nanoseconds as seconds, exactly.
std::string print_seconds(domain::Duration duration) {
  return domain::to_string(domain::Money::from_raw(duration.count()));
}

/// A scrape under construction: families by name, samples by labels.
class Exposition {
 public:
  /// The family that the following `add`s belong to.
  Exposition& family(std::string_view name, std::string_view help, std::string_view type) {
    current_ = &families_[std::string{name}];
    if (current_->type.empty()) {
      current_->help = help;
      current_->type = type;
    }
    return *this;
  }
  Exposition& gauge(std::string_view name, std::string_view help) {
    return family(name, help, "gauge");
  }
  Exposition& counter(std::string_view name, std::string_view help) {
    return family(name, help, "counter");
  }

  void add(Labels labels, std::string value) {
    add_text("", print_labels(labels), std::move(value));
  }
  void add(Labels labels, std::uint64_t value) { add(labels, fmt::format("{}", value)); }
  template <class Kind>
  void add(Labels labels, domain::Decimal<Kind> value) {
    add(labels, domain::to_string(value));
  }
  void add_text(std::string_view suffix, std::string labels, std::string value) {
    std::string key = std::string{suffix} + std::move(labels);
    const auto [place, is_new] = current_->rows.try_emplace(key, current_->lines.size());
    if (is_new) current_->lines.emplace_back(std::move(key), std::string{});
    current_->lines[place->second].second = std::move(value);
  }

  std::string print() const {
    std::string text;
    for (const auto& [name, family] : families_) {
      if (family.lines.empty()) continue;
      text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escape(family.help, false), name,
                          family.type);
      for (const auto& [key, value] : family.lines) {
        text += fmt::format("{}{} {}\n", name, key, value);
      }
    }
    return text;
  }

 private:
  struct Family {
    std::string help, type;
    std::vector<std::pair<std::string, std::string>> lines;  ///< suffix and labels, value
    std::map<std::string, std::size_t> rows;
  };
  std::map<std::string, Family> families_;
  Family* current_ = nullptr;
};

/// "FillBooked" as "fill_booked": the record's name in the words of SQL.
template <class Record>
std::string kind_name() {
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr std::size_t start = text.find("Record = ") + 9;
  constexpr std::string_view qualified =
      text.substr(start, text.find_first_of(";]", start) - start);
  std::string name;
  for (const char c : qualified.substr(qualified.rfind(':') + 1)) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper && !name.empty()) name += '_';
    name += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return name;
}

template <class... Records>
std::vector<std::string> kind_names(const std::variant<Records...>*) {
  return {kind_name<Records>()...};
}

/// One sample per enumerator, 1 for the one that holds.
template <class Enum>
void add_state(Exposition& out, Enum state,
               const std::vector<std::pair<std::string_view, std::string>>& labels) {
  for (std::size_t index = 0; index < domain::enum_count<Enum>(); ++index) {
    auto row = labels;
    row.emplace_back("state", enum_name(static_cast<Enum>(index)));
    out.add_text("", print_labels(row), static_cast<Enum>(index) == state ? "1" : "0");
  }
}

void add_orders(Exposition& out, const ReadModel& model) {
  const auto& totals = model.totals();
  std::map<std::pair<domain::AccountId, domain::OrderState>, std::uint64_t> open;
  for (const auto& [id, view] : model.orders()) {
    if (view.is_open()) ++open[{view.order.account, view.latest.state}];
  }
  out.gauge("halcyon_orders_open", "Orders that have not ended, those of unknown fate included.");
  for (std::size_t account = 0; account < model.catalog().accounts().size(); ++account) {
    const auto id = static_cast<domain::AccountId>(account);
    for (std::size_t number = 0; number < domain::enum_count<domain::OrderState>(); ++number) {
      const auto state = static_cast<domain::OrderState>(number);
      if (domain::is_terminal(state)) continue;
      const auto place = open.find({id, state});
      out.add({{"account", model.name(id)}, {"state", enum_name(state)}},
              place == open.end() ? 0 : place->second);
    }
  }
  out.counter("halcyon_orders_opened_total", "Orders opened, external ones included.");
  for (const auto& [account, count] : totals.orders_opened) {
    out.add({{"account", model.name(account)}}, count);
  }
  out.counter("halcyon_orders_ended_total", "Orders that ended, by how and why.");
  for (const auto& [key, count] : totals.orders_ended) {
    const auto& [account, state, reason] = key;
    out.add({{"account", model.name(account)},
             {"state", enum_name(state)},
             {"reason", enum_name(reason)}},
            count);
  }
  out.counter("halcyon_orders_denied_total", "Orders that the risk gate refused, by reason.");
  for (std::size_t reason = 1; reason < totals.denials.size(); ++reason) {
    if (totals.denials[reason] == 0) continue;
    out.add({{"reason", enum_name(static_cast<domain::Reason>(reason))}}, totals.denials[reason]);
  }
  out.counter("halcyon_order_changes_unmatched_total",
              "Changes of orders that the read model had already forgotten.")
      .add({}, totals.unmatched);
  out.counter("halcyon_requests_total", "Requests to venues, by kind and the states they came to.");
  for (std::size_t kind = 0; kind < totals.requests.size(); ++kind) {
    for (std::size_t state = 0; state < totals.requests[kind].size(); ++state) {
      if (totals.requests[kind][state] == 0) continue;
      out.add({{"kind", enum_name(static_cast<domain::RequestKind>(kind))},
               {"state", enum_name(static_cast<domain::RequestState>(state))}},
              totals.requests[kind][state]);
    }
  }
  out.gauge("halcyon_requests_open", "Requests without a final answer.")
      .add({}, model.open_requests().size());
}

void add_money(Exposition& out, const ReadModel& model) {
  const auto& totals = model.totals();
  out.counter("halcyon_fills_total", "Executions booked.");
  for (const auto& [key, count] : totals.fills) {
    const auto& [account, instrument, side] = key;
    out.add({{"account", model.name(account)},
             {"instrument", model.name(instrument)},
             {"side", enum_name(side)}},
            count);
  }
  out.counter("halcyon_fills_late_total", "Executions booked on orders that had already ended.")
      .add({}, totals.fills_late);
  for (const auto& [key, stamped] : model.positions()) {
    const domain::PositionChanged& position = stamped.what;
    const std::string account = model.name(position.account);
    const std::string strategy = model.name(position.strategy);
    const std::string instrument = model.name(position.instrument);
    const Labels labels{{"account", account}, {"strategy", strategy}, {"instrument", instrument}};
    out.gauge("halcyon_position_quantity", "What is held, in base units, signed.")
        .add(labels, position.quantity);
    out.gauge("halcyon_position_average_price", "Average price of what is held; 0 when flat.")
        .add(labels, position.average_price);
    out.gauge("halcyon_position_realized", "Profit of what was closed, in quote, before fees.")
        .add(labels, position.realized);
    out.gauge("halcyon_position_fees", "Fees paid, valued in quote currency.")
        .add(labels, position.fees);
  }
  for (const auto& [key, stamped] : model.balances()) {
    const std::string account = model.name(key.first);
    const std::string asset = model.name(key.second);
    const Labels labels{{"account", account}, {"asset", asset}};
    out.gauge("halcyon_balance_free", "The venue's word: free.").add(labels, stamped.what.free);
    out.gauge("halcyon_balance_locked", "The venue's word: locked in orders.")
        .add(labels, stamped.what.locked);
  }
  for (const auto& [key, stamped] : model.equity()) {
    const domain::EquityMarked& mark = stamped.what;
    const std::string account = model.name(key.first);
    const std::string strategy = model.name(key.second);
    const Labels labels{{"account", account}, {"strategy", strategy}};
    const auto row = [&](std::string_view name, std::string_view what, domain::Money value) {
      out.gauge(name, fmt::format("{}, in the reporting currency. Without a strategy: the whole "
                                  "account.",
                                  what))
          .add(labels, value);
    };
    row("halcyon_equity", "Worth", mark.equity);
    row("halcyon_equity_cash", "Cash", mark.cash);
    row("halcyon_equity_realized", "Realized profit", mark.realized);
    row("halcyon_equity_unrealized", "Unrealized profit", mark.unrealized);
    row("halcyon_equity_fees", "Fees", mark.fees);
    row("halcyon_equity_peak", "Greatest equity so far", mark.peak);
    row("halcyon_equity_drawdown", "Peak less equity", mark.drawdown);
  }
}

void add_readiness(Exposition& out, const ReadModel& model, const config::Config& config) {
  out.gauge("halcyon_account_ready", "1 when the account is reconciled and may trade.");
  for (const config::Account& account : config.accounts) {
    const auto id = model.catalog().find_account(account.name);
    const auto place = id ? model.accounts_ready().find(*id) : model.accounts_ready().end();
    const bool ready = place != model.accounts_ready().end() && place->second.what.ready;
    out.add({{"account", account.name}}, std::uint64_t{ready});
  }
  out.gauge("halcyon_stream_state", "1 for the state that a venue's stream is in.");
  for (const auto& [key, stream] : model.streams()) {
    const auto& [kind, venue, account] = key;
    add_state(out, stream.latest.state,
              {{"stream", std::string{enum_name(kind)}},
               {"venue", model.name(venue)},
               {"account", model.name(account)}});
  }
  out.gauge("halcyon_trading_state",
            "1 for the state that was set. Without account and strategy: the whole daemon.");
  add_state(out, model.trading_state(domain::no<domain::AccountId>, domain::no<domain::StrategyId>),
            {{"account", ""}, {"strategy", ""}});
  for (const auto& [scope, state] : model.trading_states()) {
    add_state(out, state.what.state,
              {{"account", model.name(scope.first)}, {"strategy", model.name(scope.second)}});
  }
  out.gauge("halcyon_venue_clock_offset_seconds", "The venue's clock less ours.");
  for (const auto& [venue, offset] : model.clock_offsets()) {
    out.add({{"venue", model.name(venue)}}, print_seconds(offset.offset));
  }
}

void add_journal(Exposition& out, const ReadModel& model) {
  const auto& totals = model.totals();
  out.gauge("halcyon_journal_sequence", "The last journal frame that the control thread has read.")
      .add({}, model.sequence());
  static const auto kinds = kind_names(static_cast<const domain::Record*>(nullptr));
  out.counter("halcyon_records_total", "Journal records, by kind.");
  for (std::size_t kind = 0; kind < totals.records.size(); ++kind) {
    out.add({{"kind", kinds[kind]}}, totals.records[kind]);
  }
  out.counter("halcyon_notices_total", "Notices raised, by severity and code.");
  for (std::size_t severity = 0; severity < totals.notices.size(); ++severity) {
    for (std::size_t code = 0; code < totals.notices[severity].size(); ++code) {
      if (totals.notices[severity][code] == 0) continue;
      out.add({{"severity", enum_name(static_cast<domain::Severity>(severity))},
               {"code", enum_name(static_cast<domain::NoticeCode>(code))}},
              totals.notices[severity][code]);
    }
  }
  out.counter("halcyon_differences_total", "What reconciliation found to differ, by kind.");
  for (const auto& [key, count] : totals.differences) {
    out.add({{"kind", enum_name(key.first)}, {"account", model.name(key.second)}}, count);
  }
  out.counter("halcyon_commands_total", "Commands answered by the engine.");
  out.add({{"outcome", "accepted"}}, totals.commands_accepted);
  out.add({{"outcome", "refused"}}, totals.commands_refused);
}

void add_process(Exposition& out, const MetricsView& view) {
#if defined(__clang__)
  constexpr std::string_view compiler = "clang " __clang_version__;
#else
  constexpr std::string_view compiler = "gcc " __VERSION__;
#endif
  out.gauge("halcyon_build_info", "1; what runs is in the labels.")
      .add({{"version", HALCYON_VERSION},
            {"compiler", compiler},
            {"daemon", view.config.daemon.name}},
           std::uint64_t{1});
  out.gauge("halcyon_start_time_seconds", "When the daemon started, since the Unix epoch.")
      .add({}, std::uint64_t{view.model.epoch()});
  out.counter("halcyon_admin_requests_total", "Lines on the admin socket, by method and outcome.");
  for (const auto& row : view.methods) {
    const std::string_view method = row.method.empty() ? "unknown" : row.method;
    out.add({{"method", method}, {"outcome", "succeeded"}}, row.succeeded);
    out.add({{"method", method}, {"outcome", "failed"}}, row.failed);
  }
  for (const MetricSample& sample : view.samples) {
    out.family(sample.name, sample.help, sample.type == MetricType::counter ? "counter" : "gauge")
        .add_text("", print_labels(sample.labels), print_number(sample.value));
  }
  out.family("halcyon_latency_seconds", "How long each stage took, from socket to socket.",
             "histogram");
  for (const StageLatency& stage : view.stages) {
    const auto labels = [&](std::string_view upper) {
      std::vector<std::pair<std::string_view, std::string_view>> row{{"stage", stage.stage}};
      if (!upper.empty()) row.emplace_back("le", upper);
      return print_labels(row);
    };
    for (const auto& bucket : stage.buckets) {
      out.add_text("_bucket", labels(print_seconds(bucket.upper)),
                   fmt::format("{}", bucket.up_to_here));
    }
    out.add_text("_bucket", labels("+Inf"), fmt::format("{}", stage.count));
    out.add_text("_sum", labels(""), print_seconds(stage.sum));
    out.add_text("_count", labels(""), fmt::format("{}", stage.count));
  }
}

}  // namespace

std::string print_metrics(const MetricsView& view) {
  Exposition out;
  add_process(out, view);
  add_journal(out, view.model);
  add_readiness(out, view.model, view.config);
  add_orders(out, view.model);
  add_money(out, view.model);
  return out.print();
}

}  // namespace halcyon::daemon
