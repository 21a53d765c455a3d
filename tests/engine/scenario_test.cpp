// Stories in tests/scenarios/*.scn, in a form that a trader can read:
//
//   t=SECONDS  WHO  DOES WHAT  -> what must follow, what else        # why
//
//   strategy  buy|sell Q BTC/USDT @ P        wants so much more or less at that price
//             flat @ P
//   operator  cancel NAME | cancel_all | halt | resume | kill | release | flatten
//             submit buy|sell Q BTC/USDT @ P [stop_loss P] [take_profit P]
//             stop buy|sell Q BTC/USDT @ P
//             amend NAME [to Q] [at P]
//             resolve NAME STATUS
//             limit KEY VALUE
//   market    price P
//   gateway   sent|not_sent|unknown [cancel] NAME
//   venue     ack|refuse [cancel] NAME
//             fill NAME Q @ P #TRADE [of CUMULATIVE]     on the private stream
//             says NAME STATUS [filled Q]                likewise
//             has NAME STATUS [filled Q]                 what asking will find; nobody is told
//             traded NAME Q @ P #TRADE                   likewise
//             answers                                    every question that is open
//             clock MILLISECONDS                         how far it is ahead of ours
//   link      up | down | silent
//   daemon    restarts                                   from its journal, as after a crash
//   clock     passes
//
// What may follow: `sent NAME`, `cancel sent NAME`, `NAME STATE`, `position Q`, `fills N`, `asked
// KIND`, `notice CODE`, `denied REASON`, `refused REASON`, `sent NAME Q`, `difference KIND`,
// `ready`, `not ready`, `nothing`. main-1 is the first order of the account main.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "harness.h"

namespace halcyon::engine::testing {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string{text}};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// One story being told. Any line that cannot be read is a failure of the test.
class Story {
 public:
  Story()
      : h_{[](config::Config& config, engine::Setup&) {
          // One percent of it is 1 BTC at 100.1.
          config.strategies[0].capital = "10010"_usd;
          config.engine.equity_interval = 24h;
        }} {
    h_.begin();
    start_ = h_.now;
  }

  void tell(std::string_view line) {
    line = line.substr(0, line.find(" #  "));
    if (const auto comment = line.find("  # "); comment != std::string_view::npos) {
      line = line.substr(0, comment);
    }
    line = trimmed(line);
    if (line.empty() || line.front() == '#') return;
    const auto arrow = line.find("->");
    ASSERT_NE(arrow, std::string_view::npos) << "a line says what must follow";
    auto words = words_of(line.substr(0, arrow));
    ASSERT_GE(words.size(), 3U);
    ASSERT_TRUE(words[0].starts_with("t="));
    mark_ = h_.mark();
    commands_before_ = h_.commands().size();
    const Timestamp time =
        start_ +
        std::chrono::milliseconds{static_cast<std::int64_t>(std::stod(words[0].substr(2)) * 1000)};
    if (time > h_.now) h_.pass(time - h_.now);
    act(words[1], {words.begin() + 2, words.end()});
    learn_names();
    std::istringstream expected{std::string{line.substr(arrow + 2)}};
    for (std::string one; std::getline(expected, one, ',');) expect(words_of(one));
  }

 private:
  struct Truth {
    VenueOrderStatus status = VenueOrderStatus::working;
    Quantity filled;
  };

  OrderId order(const std::string& name) {
    const auto found = names_.find(name);
    if (found == names_.end()) {
      ADD_FAILURE() << "no order is called " << name;
      return {};
    }
    return found->second;
  }

  void learn_names() {
    for (const OrderOpened& opened : h_.all<OrderOpened>(mark_)) {
      names_["main-" + std::to_string(names_.size() + 1)] = opened.order.id;
    }
  }

  void act(const std::string& who, std::vector<std::string> words) {
    if (who == "strategy") return strategy_wants(words);
    if (who == "operator") return operator_says(words);
    if (who == "gateway" || (who == "venue" && (words[0] == "ack" || words[0] == "refuse"))) {
      return request_is(words);
    }
    if (who == "venue") return venue_does(words);
    if (who == "market") {
      Trade trade;
      trade.price = *parse<Price>(words[1]);
      trade.quantity = "1"_qty;
      h_.send(trade);
      return;
    }
    if (who == "link" && words[0] == "down") return h_.disconnect();
    if (who == "link") return link_is(words[0] == "up" ? StreamState::ready : StreamState::silent);
    if (who == "daemon") {
      h_.restart_from_journal();
      h_.start(h_.epoch + 1);
      h_.hear_rules();
      h_.quote("100.09"_px, "100.11"_px);
      return;
    }
    if (who != "clock") FAIL() << "nobody is called " << who;
  }

  void strategy_wants(const std::vector<std::string>& words) {
    const Price price = *parse<Price>(words.back());
    h_.quote(price - "0.01"_px, price + "0.01"_px);
    Quantity target;
    if (words[0] != "flat") {
      const Quantity asked = *parse<Quantity>(words[1]);
      target = h_.position().quantity + (words[0] == "buy" ? asked : -asked);
    }
    const Int128 percent = notional(price, target)->raw() * 100;
    const Int128 capital = h_.config.strategies[0].capital.raw();
    ASSERT_EQ(percent % capital, 0) << "a target is a whole percentage of 10010";
    h_.want(static_cast<std::int32_t>(percent / capital));
  }

  void operator_says(const std::vector<std::string>& words) {
    if (words[0] == "cancel") {
      h_.command(CancelOrder{order(words[1])});
    } else if (words[0] == "cancel_all") {
      h_.command(CancelAll{});
    } else if (words[0] == "kill") {
      h_.command(KillSwitch{});
    } else if (words[0] == "release") {
      h_.command(ReleaseKillSwitch{});
    } else if (words[0] == "flatten") {
      h_.command(Flatten{});
    } else if (words[0] == "submit" || words[0] == "stop") {
      submit(words);
    } else if (words[0] == "amend") {
      AmendOrder what;
      what.order = order(words[1]);
      for (std::size_t at = 2; at + 1 < words.size(); at += 2) {
        if (words[at] == "to") what.terms.quantity = *parse<Quantity>(words[at + 1]);
        if (words[at] == "at") what.terms.limit_price = *parse<Price>(words[at + 1]);
      }
      h_.command(what);
    } else if (words[0] == "resolve") {
      h_.command(ResolveOrder{order(words[1]), enum_parse<VenueOrderStatus>(words[2]).value()});
    } else if (words[0] == "limit") {
      SetLimit what;
      what.key = enum_parse<LimitKey>(words[1]).value();
      what.value = *parse<Money>(words[2]);
      h_.command(what);
    } else {
      const auto state = words[0] == "halt" ? TradingState::halted : TradingState::active;
      h_.command(SetTradingState{{}, state});
    }
  }

  void submit(const std::vector<std::string>& words) {
    ASSERT_GE(words.size(), 6U);
    SubmitOrder what;
    what.account = h_.account;
    what.instrument = h_.btc;
    what.side = words[1] == "buy" ? Side::buy : Side::sell;
    what.quantity = *parse<Quantity>(words[2]);
    if (words[0] == "stop") {
      what.type = OrderType::stop;
      what.stop_price = *parse<Price>(words[5]);
    } else {
      what.limit_price = *parse<Price>(words[5]);
    }
    for (std::size_t at = 6; at + 1 < words.size(); at += 2) {
      if (words[at] == "stop_loss") what.stop_loss = *parse<Price>(words[at + 1]);
      if (words[at] == "take_profit") what.take_profit = *parse<Price>(words[at + 1]);
    }
    h_.command(what);
  }

  void request_is(const std::vector<std::string>& words) {
    const std::map<std::string, Outcome> outcomes{{"sent", Outcome::sent},
                                                  {"not_sent", Outcome::not_sent},
                                                  {"unknown", Outcome::unknown},
                                                  {"ack", Outcome::acknowledged},
                                                  {"refuse", Outcome::refused}};
    const Outcome outcome = outcomes.at(words[0]);
    const Reason reason = outcome == Outcome::not_sent  ? Reason::not_sent_not_ready
                          : outcome == Outcome::refused ? Reason::venue_refused
                                                        : Reason::none;
    if (words[1] != "cancel") {
      h_.outcome(order(words[1]), outcome, reason);
      return;
    }
    const OrderId id = order(words[2]);
    RequestId cancel;
    for (const RequestChanged& request : h_.all<RequestChanged>()) {
      if (request.order == id && request.kind == RequestKind::cancel) cancel = request.request;
    }
    h_.outcome(id, outcome, reason, RequestKind::cancel, cancel);
  }

  void venue_does(const std::vector<std::string>& words) {
    if (words[0] == "answers") return answer();
    if (words[0] == "clock") {
      h_.send(ClockOffset{std::chrono::milliseconds{std::stoi(words[1])}, 2ms});
      return;
    }
    const OrderId id = order(words[1]);
    if (words[0] == "fill" || words[0] == "traded") {
      ASSERT_EQ(words[3], "@");
      Execution made = h_.execution(id, *parse<Quantity>(words[2]), *parse<Price>(words[4]),
                                    std::stoull(words[5].substr(1)));
      if (words.size() > 7) made.cumulative = *parse<Quantity>(words[7]);
      trades_.push_back(made);
      if (words[0] == "fill") h_.send(made);
      return;
    }
    const auto status = enum_parse<VenueOrderStatus>(words[2]);
    ASSERT_TRUE(status) << words[2];
    const Quantity filled = words.size() > 4 ? *parse<Quantity>(words[4]) : Quantity{};
    truth_[id] = {*status, filled};
    if (words[0] == "says") h_.report(id, *status, filled);
  }

  void link_is(StreamState state) {
    StreamChanged changed;
    changed.stream = StreamKind::orders;
    changed.state = state;
    h_.send(changed);
  }

  /// Everything that was asked, from what the venue has. Orders come with the venue's own ids.
  void answer() {
    for (int rounds = 0; rounds < 100 && !h_.questions().empty(); ++rounds) {
      const VenueRequest asked = h_.take(h_.questions().front().kind);
      h_.send(AnswerBegin{asked.request, asked.kind});
      AnswerEnd end{asked.request, asked.kind, Completeness::complete, false, Reason::none};
      switch (asked.kind) {
        case QueryKind::order_status:
          if (truth_.contains(asked.order)) {
            h_.send(row(asked.order, Source::single_query));
          } else {
            end.not_found = true;
          }
          break;
        case QueryKind::open_orders:
          for (const auto& [id, truth] : truth_) {
            if (truth.status == VenueOrderStatus::working ||
                truth.status == VenueOrderStatus::partially_filled) {
              h_.send(row(id, Source::list_query));
            }
          }
          break;
        case QueryKind::fills_since:
          for (Execution trade : trades_) {
            if (asked.instrument != h_.btc) break;
            if (!asked.after.is_none() && trade.trade <= asked.after) continue;
            trade.order = {};
            trade.source = Source::trade_record;
            h_.send(trade);
          }
          break;
        case QueryKind::balances:
          answer_balances();
          break;
        case QueryKind::resync_book:
        case QueryKind::subscribe:
        case QueryKind::unsubscribe:
          break;
      }
      h_.send(end);
    }
  }

  /// What the account began with, and what its trades have changed.
  void answer_balances() {
    for (auto [asset, amount] : h_.balances) {
      for (const Execution& trade : trades_) {
        const bool is_buy = trade.side == Side::buy;
        if (asset == h_.usdt) amount += is_buy ? -trade.quote_amount : trade.quote_amount;
        const Money base = Money::from_raw(trade.quantity.raw());
        if (asset == h_.btc_asset) amount += is_buy ? base : -base;
      }
      Balance row;
      row.asset = asset;
      row.free = amount;
      row.source = Source::list_query;
      h_.send(row);
    }
  }

  OrderReport row(OrderId id, Source source) {
    OrderReport made = h_.report_of(id, truth_.at(id).status, truth_.at(id).filled);
    made.source = source;
    return made;
  }

  void expect(const std::vector<std::string>& words) {
    ASSERT_FALSE(words.empty());
    const std::string& what = words[0];
    if (what == "nothing") {
      for (std::size_t at = mark_; at < h_.mark(); ++at) {
        EXPECT_TRUE(h_.journal()[at].starts_with("equity")) << h_.journal()[at];
      }
    } else if (what == "sent" || what == "cancel") {
      const bool names_quantity = what == "sent" && words.size() == 3;
      const OrderId id = order(names_quantity ? words[1] : words.back());
      EXPECT_TRUE(has_sent(what == "cancel", id));
      if (names_quantity) {
        EXPECT_EQ(sent_quantity(id), *parse<Quantity>(words[2]));
      }
    } else if (what == "refused") {
      ASSERT_FALSE(h_.all<CommandAnswered>(mark_).empty());
      EXPECT_EQ(enum_name(h_.all<CommandAnswered>(mark_).back().reason), words[1]);
    } else if (what == "position") {
      EXPECT_EQ(h_.position().quantity, *parse<Quantity>(words[1]));
    } else if (what == "fills") {
      EXPECT_EQ(std::to_string(h_.all<FillBooked>().size()), words[1]);
    } else if (what == "asked") {
      EXPECT_TRUE(h_.has_question(enum_parse<QueryKind>(words[1]).value()));
    } else if (what == "notice") {
      EXPECT_TRUE(h_.noticed(enum_parse<NoticeCode>(words[1]).value(), mark_));
    } else if (what == "denied") {
      const auto denied = h_.all<OrderDenied>(mark_);
      ASSERT_FALSE(denied.empty());
      EXPECT_EQ(enum_name(denied.back().reason), words[1]);
    } else if (what == "difference") {
      const auto found = h_.all<DifferenceFound>(mark_);
      EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const DifferenceFound& one) {
        return enum_name(one.kind) == words[1];
      }));
    } else if (what == "ready" || what == "not") {
      EXPECT_EQ(h_.all<AccountReady>().back().ready, what == "ready");
    } else if (words.size() == 2 && enum_parse<OrderState>(words[1])) {
      EXPECT_EQ(enum_name(h_.state(order(what))), words[1]);
    } else {
      ADD_FAILURE() << "nothing is called " << what;
    }
  }

  Quantity sent_quantity(OrderId id) const {
    Quantity found;
    for (const OrderCommand& command : h_.commands()) {
      const auto* place = std::get_if<Approved<NewOrder>>(&command.what);
      if (place != nullptr && place->value().id == id) found = place->value().quantity;
    }
    return found;
  }

  bool has_sent(bool cancel, OrderId id) {
    for (std::size_t at = commands_before_; at < h_.commands().size(); ++at) {
      const auto& sent = h_.commands()[at].what;
      if (const auto* one = std::get_if<CancelRequest>(&sent)) {
        if (cancel && one->order == id) return true;
      } else if (const auto* place = std::get_if<Approved<NewOrder>>(&sent)) {
        if (!cancel && place->value().id == id) return true;
      }
    }
    return false;
  }

  Harness h_;
  Timestamp start_;
  std::size_t mark_ = 0;
  std::size_t commands_before_ = 0;
  std::map<std::string, OrderId> names_;
  std::map<OrderId, Truth> truth_;
  std::vector<Execution> trades_;
};

class Scenario : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenario, IsTrue) {
  std::ifstream file{std::string{HALCYON_SOURCE_DIR} + "/tests/scenarios/" + GetParam() + ".scn"};
  ASSERT_TRUE(file);
  Story story;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    SCOPED_TRACE(GetParam() + ".scn:" + std::to_string(++number) + ": " + line);
    story.tell(line);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(number, 2);
}

std::vector<std::string> all_scenarios() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator{HALCYON_SOURCE_DIR "/tests/scenarios"}) {
    if (entry.path().extension() == ".scn") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(, Scenario, ::testing::ValuesIn(all_scenarios()),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace halcyon::engine::testing
