#include "gateways/coinbase/order_session.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/client_order_id.h"
#include "support.h"
#include "tests/gateways/binance/session_harness.h"

namespace halcyon::gateways::coinbase::testing {
namespace {

using namespace domain::literals;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr std::uint32_t epoch = 1'735'579'648;  // 1kq5p00
constexpr const char* venue_id = "11111111-2222-4333-8444-000000000001";

class Orders : public ::testing::Test, public binance::testing::SessionHarness<OrderSession> {
 protected:
  Orders() : SessionHarness<OrderSession>(make()) {}

  static std::unique_ptr<OrderSession> make() {
    const World world;
    OrderSettings settings;
    settings.symbols = world.symbols();
    settings.identity = world.identity();
    settings.endpoint = {"user.test", 443, "/", true};
    settings.rest_host = "api.test";
    settings.credentials = credentials();
    settings.jitter_seed = 5;
    return std::make_unique<OrderSession>(std::move(settings));
  }

  void say(std::string_view channel, std::string_view content) {
    frame(R"({"channel":")" + std::string{channel} +
          R"(","timestamp":"2026-09-30T02:39:53Z","sequence_num":)" + std::to_string(sequence++) +
          R"(,"events":[)" + std::string{content} + "]}");
  }
  void beat() { say("heartbeats", R"({"current_time":"x","heartbeat_counter":7})"); }
  /// An update of order 1 on the user channel.
  void update(std::string_view status, std::string_view filled, std::string_view left,
              std::string_view more = {}, std::string_view client = "alpha-main-1kq5p00-1") {
    const auto amount = domain::parse<domain::Quantity>(filled).value();
    const auto value = domain::notional("100"_px, amount).value();
    say("user",
        R"({"type":"update","orders":[{"order_id":")" + std::string{venue_id} +
            R"(","client_order_id":")" + std::string{client} +
            R"(","product_id":"BTC-USD","order_side":"BUY","order_type":"Limit","limit_price":"100","time_in_force":"GOOD_UNTIL_CANCELLED","status":")" +
            std::string{status} + R"(","cumulative_quantity":")" + std::string{filled} +
            R"(","leaves_quantity":")" + std::string{left} + R"(","filled_value":")" +
            std::string{domain::to_string(value)} + R"(","avg_price":"100","total_fees":"0.1")" +
            std::string{more} + "}]}");
  }
  void tell_time(domain::Duration ahead = {}) {
    const auto asked = std::find_if(rest.begin(), rest.end(), [](const RestRequest& one) {
      return one.target.ends_with("/time");
    });
    ASSERT_NE(asked, rest.end());
    const RestRequest request = std::move(*asked);
    rest.erase(asked);
    answer(request, 200,
           R"({"epochMillis":")" + std::to_string(domain::to_unix_ms(now - 10ms + ahead)) + "\"}");
  }
  /// From the start to `ready`.
  void connect(domain::Duration ahead = {}) {
    start();
    do_chores();
    tell_time(ahead);
    lines_stand(4, 4);
    open();
    sequence = 0;
    say("user", R"({"type":"snapshot","orders":[]})");
    say("subscriptions", R"({"subscriptions":{"user":["x"],"heartbeats":["heartbeats"]}})");
    ASSERT_EQ(lines.back(), "stream orders ready none");
    do_chores();
    lines.clear();
    sent.clear();
    rest.clear();
    calls.clear();
  }

  domain::NewOrder order(std::uint32_t counter) const {
    domain::NewOrder made;
    made.id = {epoch, counter};
    made.account = World{}.account;
    made.instrument = World{}.btc_usd;
    made.type = domain::OrderType::limit;
    made.quantity = "0.5"_qty;
    made.limit_price = "100"_px;
    made.created = now;
    return made;
  }
  /// Sends an order; returns the tag of the call.
  std::uint32_t place(std::uint32_t counter = 1) {
    domain::OrderCommand made;
    made.valid_until = now + 2s;
    made.what = approved(order(counter));
    const std::size_t before = calls.size();
    command(made);
    return calls.size() > before ? calls.back().first : 0;
  }
  std::uint32_t cancel(std::uint32_t counter = 2, domain::ForeignId venue_order = {}) {
    domain::OrderCommand made;
    made.what = domain::CancelRequest{{epoch, counter}, {epoch, 1}, venue_order, World{}.btc_usd};
    const std::size_t before = calls.size();
    command(made);
    return calls.size() > before ? calls.back().first : 0;
  }
  void ask(domain::QueryKind kind, const std::function<void(domain::VenueRequest&)>& change = {}) {
    domain::VenueRequest made;
    made.request = {epoch, 50};
    made.kind = kind;
    made.account = World{}.account;
    made.instrument =
        kind == domain::QueryKind::order_status || kind == domain::QueryKind::fills_since
            ? World{}.btc_usd
            : domain::no<domain::InstrumentId>;
    if (change) change(made);
    request(made);
  }
  json last_body() const {
    const std::string& text = calls.back().second;
    return json::parse(text.substr(text.find("\r\n\r\n") + 4));
  }
  static std::string created(std::string_view id = venue_id) {
    return R"({"success":true,"success_response":{"order_id":")" + std::string{id} +
           R"(","product_id":"BTC-USD","side":"BUY","client_order_id":"alpha-main-1kq5p00-1"}})";
  }
  static std::string refused(std::string_view reason) {
    return R"({"success":false,"error_response":{"error":")" + std::string{reason} +
           R"(","message":"words"}})";
  }
  static std::string listed(std::string_view status, std::string_view client,
                            std::string_view more) {
    return R"({"orders":[{"order_id":")" + std::string{venue_id} + R"(","client_order_id":")" +
           std::string{client} + R"(","product_id":"BTC-USD","side":"BUY","status":")" +
           std::string{status} +
           R"(","filled_size":"0","order_configuration":{"limit_limit_gtc":{"base_size":"0.5","limit_price":"100"}}}],"has_next":)" +
           std::string{more.empty() ? "false" : "true"} + R"(,"cursor":")" + std::string{more} +
           "\"}";
  }
  static std::string fills(std::string_view rows) {
    return R"({"fills":[)" + std::string{rows} + R"(],"cursor":""})";
  }
  static std::string fill(std::string_view trade, std::string_view size) {
    return R"({"trade_id":")" + std::string{trade} + R"(","order_id":")" + venue_id +
           R"(","trade_time":"2026-09-30T02:39:53Z","trade_type":"FILL","price":"100","size":")" +
           std::string{size} +
           R"(","commission":"0.05","product_id":"BTC-USD","side":"BUY","liquidity_indicator":"TAKER"})";
  }
  /// The last question, taken away.
  RestRequest take_question() {
    EXPECT_FALSE(rest.empty());
    RestRequest last = std::move(rest.back());
    rest.pop_back();
    return last;
  }

  std::uint64_t sequence = 0;
};

// ---- Getting ready ------------------------------------------------------------------------------

TEST_F(Orders, AreReadyWithChannelConnectionAndClockAndNotBefore) {
  start();
  do_chores();
  open();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(json::parse(sent[0])["channel"], "heartbeats");
  EXPECT_EQ(json::parse(sent[1])["channel"], "user");
  EXPECT_FALSE(json::parse(sent[1])["jwt"].get<std::string>().empty());
  say("user", R"({"type":"snapshot","orders":[]})");
  say("subscriptions", R"({"subscriptions":{"user":["x"],"heartbeats":["heartbeats"]}})");
  EXPECT_THAT(take_lines(), Not(Contains("stream orders ready none")));
  lines_stand(1, 1);
  EXPECT_THAT(take_lines(), Not(Contains("stream orders ready none")));
  tell_time(500ms);
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("clock 500"), "stream orders ready none"));
}

TEST_F(Orders, SendNothingWhileNotReadyAndSaySoWithCertainty) {
  EXPECT_EQ(place(), 0U);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- not_sent_not_ready")));
  EXPECT_EQ(cancel(), 0U);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- not_sent_not_ready")));
}

// ---- Orders -------------------------------------------------------------------------------------

TEST_F(Orders, LeaveAtOnceWithATokenThatWasMadeAhead) {
  connect();
  ASSERT_NE(place(), 0U);
  EXPECT_THAT(calls.back().second,
              StartsWith("POST /api/v3/brokerage/orders HTTP/1.1\r\nHost: api.test\r\n"));
  EXPECT_EQ(last_body()["client_order_id"], "alpha-main-1kq5p00-1");
  EXPECT_EQ(counter("tokens_signed_in_place"), 0U);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("place 1735579648-1 of 1735579648-1 sent")));
}

TEST_F(Orders, AnAnswerOf200IsLookedInto) {
  connect();
  answer_call(place(1), 200, created());
  EXPECT_THAT(take_lines(), Contains(HasSubstr("acknowledged")));
  answer_call(place(3), 200, refused("INSUFFICIENT_FUND"));
  EXPECT_THAT(take_lines(), Contains(AllOf(HasSubstr("refused"), HasSubstr("venue_refused_funds"),
                                           HasSubstr("INSUFFICIENT_FUND: words"))));
  // What cannot be read says nothing
  answer_call(place(4), 200, "<html>");
  EXPECT_THAT(take_lines(),
              Contains(AllOf(HasSubstr("unknown"), HasSubstr("venue_outcome_unknown"))));
}

TEST_F(Orders, ACutOrA5xxOrSilenceIsUnknownAndNothingIsSentTwice) {
  connect();
  for (const int status : {0, 500, 503, 504, 408}) {
    calls.clear();
    lines_stand(4, 4);
    answer_call(place(static_cast<std::uint32_t>(status + 10)), status, "down");
    EXPECT_THAT(take_lines(), Contains(HasSubstr("unknown"))) << status;
    EXPECT_THAT(calls, SizeIs(1)) << status;
  }
  calls.clear();
  lines_stand(4, 4);
  const std::uint32_t tag = place(7);
  take_lines();
  for (int second = 0; second < 11; ++second) {
    pass(1s);
    beat();
  }
  EXPECT_THAT(take_lines(), Contains(AllOf(HasSubstr("unknown"), HasSubstr("no_answer_in_time"))));
  // A late answer is still told
  answer_call(tag, 200, created());
  EXPECT_THAT(take_lines(), Contains(HasSubstr("acknowledged")));
  EXPECT_EQ(std::count_if(calls.begin(), calls.end(),
                          [](const auto& call) { return call.second.starts_with("POST"); }),
            1);
}

TEST_F(Orders, ARefusalByStatusIsCertain) {
  connect();
  const struct {
    int status;
    const char* reason;
  } rows[] = {{400, "venue_refused"}, {403, "not_permitted"}};
  std::uint32_t counter = 10;
  for (const auto& row : rows) {
    answer_call(place(counter++), row.status, R"({"error":"X","message":"y"})");
    EXPECT_THAT(take_lines(), Contains(AllOf(HasSubstr("refused"), HasSubstr(row.reason))));
  }
  // 403 is the key's: nothing more leaves for a while
  EXPECT_EQ(place(20), 0U);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_permitted")));
}

TEST_F(Orders, ARefusedTokenIsTriedOnceMoreWithOthersAndThenNot) {
  connect();
  answer_call(place(10), 401, "Unauthorized");
  EXPECT_THAT(words, IsEmpty());
  do_chores();
  answer_call(place(11), 401, "Unauthorized");
  EXPECT_THAT(words, Contains(HasSubstr("check the key")));
  EXPECT_EQ(place(12), 0U);
}

TEST_F(Orders, AreHeldBackWhenTheVenueSaysTooMany) {
  connect();
  answer_call(place(10), 429, "{}", 3s);
  take_lines();
  EXPECT_EQ(place(11), 0U);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("venue_refused_rate_limit")));
  // Cancels go on
  EXPECT_NE(cancel(12, foreign_id(venue_id)), 0U);
  pass(3100ms);
  EXPECT_NE(place(13), 0U);
}

TEST_F(Orders, KeepAFifthOfTheCallsForCancels) {
  connect();
  int left = 0;
  for (std::uint32_t at = 0; at < 40; ++at) {
    lines_stand(4, 4);
    left += place(100 + at) != 0 ? 1 : 0;
  }
  EXPECT_EQ(left, 24);
  lines_stand(4, 4);
  EXPECT_NE(cancel(300, foreign_id(venue_id)), 0U);
}

TEST_F(Orders, AnOrderThatFindsNoIdleConnectionIsNotSent) {
  connect();
  lines_stand(4, 0);
  EXPECT_EQ(place(10), 0U);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent")));
  lines_stand(4, 1);
  has_idle_line = false;  // it was closed just now
  place(11);
  EXPECT_THAT(take_lines(), ElementsAre(AllOf(HasSubstr("not_sent"), Not(HasSubstr(" sent")))));
}

TEST_F(Orders, AreAskedForOnlyInTheFormThatTheVenueHas) {
  connect();
  domain::NewOrder stop = order(10);
  stop.type = domain::OrderType::stop;
  stop.limit_price = {};
  stop.stop_price = "100"_px;
  domain::OrderCommand made;
  made.what = approved(stop);
  command(made);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent_not_encodable")));
}

// ---- Cancels and edits --------------------------------------------------------------------------

TEST_F(Orders, ACancelWaitsUntilTheVenueHasToldTheOrdersId) {
  connect();
  const std::uint32_t placed = place();
  take_lines();
  EXPECT_EQ(cancel(), 0U);
  EXPECT_THAT(take_lines(), IsEmpty());
  answer_call(placed, 200, created());
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(last_body()["order_ids"][0], venue_id);
  EXPECT_THAT(take_lines(), Contains(HasSubstr("cancel 1735579648-2 of 1735579648-1 sent")));
  answer_call(
      calls.back().first, 200,
      R"({"results":[{"success":true,"failure_reason":"UNKNOWN_CANCEL_FAILURE_REASON","order_id":")" +
          std::string{venue_id} + R"("}]})");
  EXPECT_THAT(take_lines(),
              Contains(HasSubstr("cancel 1735579648-2 of 1735579648-1 acknowledged")));
}

TEST_F(Orders, ACancelThatWaitsGoesWhenTheUserChannelTellsTheId) {
  connect();
  const std::uint32_t placed = place();
  cancel();
  answer_call(placed, 0);  // the answer is lost
  EXPECT_THAT(calls, SizeIs(1));
  update("OPEN", "0", "0.5");
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(last_body()["order_ids"][0], venue_id);
}

TEST_F(Orders, ACancelOfWhatWasRefusedIsOver) {
  connect();
  const std::uint32_t placed = place();
  cancel();
  answer_call(placed, 200, refused("INVALID_LIMIT_PRICE"));
  EXPECT_THAT(take_lines(), Contains(AllOf(HasSubstr("cancel"), HasSubstr("order_already_ended"))));
}

TEST_F(Orders, ACancelIsRefusedByWhatItsOwnRowSays) {
  connect();
  const struct {
    const char* code;
    const char* outcome;
  } rows[] = {{"UNKNOWN_CANCEL_ORDER", "refused"},
              {"ORDER_IS_FULLY_FILLED", "refused"},
              {"DUPLICATE_CANCEL_REQUEST", "acknowledged"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.code);
    answer_call(cancel(2, foreign_id(venue_id)), 200,
                R"({"results":[{"success":false,"failure_reason":")" + std::string{row.code} +
                    R"(","order_id":")" + venue_id + R"("}]})");
    EXPECT_THAT(take_lines(), Contains(HasSubstr(row.outcome)));
    lines_stand(4, 4);
  }
  // An answer about another order says nothing about this one
  answer_call(cancel(2, foreign_id(venue_id)), 200, R"({"results":[]})");
  EXPECT_THAT(take_lines(), Contains(HasSubstr("unknown")));
}

TEST_F(Orders, AnEditIsDoneWhenTheChannelShowsItAndNotWhenItIsQueued) {
  connect();
  answer_call(place(), 200, created());
  take_lines();
  domain::NewOrder next = order(1);
  next.quantity = "0.4"_qty;
  domain::OrderCommand made;
  made.valid_until = now + 2s;
  made.what = domain::ReplaceRequest{
      {epoch, 5}, {epoch, 1}, {}, next.instrument, domain::ReplaceMode::amend, 1, approved(next)};
  command(made);
  EXPECT_THAT(calls.back().second, StartsWith("POST /api/v3/brokerage/orders/edit "));
  EXPECT_EQ(last_body()["size"], "0.4");
  EXPECT_EQ(last_body()["price"], "100");
  answer_call(calls.back().first, 200, R"({"success":true,"errors":[]})");
  EXPECT_THAT(take_lines(), Not(Contains(HasSubstr("acknowledged"))));
  update("EDIT_QUEUED", "0", "0.5");
  EXPECT_THAT(take_lines(), Not(Contains(HasSubstr("acknowledged"))));
  update("OPEN", "0", "0.4");
  EXPECT_THAT(take_lines(),
              Contains(HasSubstr("replace 1735579648-5 of 1735579648-1 acknowledged")));
}

TEST_F(Orders, AnEditThatIsNeverShownIsUnknown) {
  connect();
  answer_call(place(), 200, created());
  domain::NewOrder next = order(1);
  next.quantity = "0.4"_qty;
  domain::OrderCommand made;
  made.valid_until = now + 2s;
  made.what = domain::ReplaceRequest{
      {epoch, 5}, {epoch, 1}, {}, next.instrument, domain::ReplaceMode::amend, 1, approved(next)};
  command(made);
  answer_call(calls.back().first, 200, R"({"success":true,"errors":[]})");
  take_lines();
  for (int second = 0; second < 11; ++second) {
    pass(1s);
    beat();
  }
  EXPECT_THAT(take_lines(), Contains(AllOf(HasSubstr("replace"), HasSubstr("unknown"))));
}

// ---- The user channel ---------------------------------------------------------------------------

TEST_F(Orders, TotalsBecomeExecutionsWithoutATradeNumber) {
  connect();
  answer_call(place(), 200, created());
  take_lines();
  events.clear();
  update("OPEN", "0.2", "0.3");
  ASSERT_THAT(events, SizeIs(2));
  const auto& first = std::get<domain::Execution>(events[0].what);
  EXPECT_TRUE(first.trade.is_none());
  EXPECT_EQ(first.quantity, "0.2"_qty);
  EXPECT_EQ(first.cumulative, "0.2"_qty);
  EXPECT_EQ(first.price, "100"_px);
  EXPECT_EQ(first.quote_amount, "20"_usd);
  EXPECT_EQ(first.fee, "0.1"_usd);
  EXPECT_EQ(first.fee_asset, World{}.usd);
  const auto& report = std::get<domain::OrderReport>(events[1].what);
  EXPECT_EQ(report.quantity, "0.5"_qty);
  EXPECT_EQ(report.status, domain::VenueOrderStatus::partially_filled);
  events.clear();
  // One update stands for several executions
  update("FILLED", "0.5", "0");
  const auto& second = std::get<domain::Execution>(events[0].what);
  EXPECT_EQ(second.quantity, "0.3"_qty);
  EXPECT_EQ(second.cumulative, "0.5"_qty);
  events.clear();
  update("FILLED", "0.5", "0");  // the same again
  EXPECT_EQ(std::count_if(events.begin(), events.end(),
                          [](const domain::Event& event) {
                            return std::holds_alternative<domain::Execution>(event.what);
                          }),
            0);
}

TEST_F(Orders, TheExecutionsBehindATotalAreAskedForUntilTheyAddUp) {
  connect();
  answer_call(place(), 200, created());
  update("FILLED", "0.5", "0");
  pass(150ms);
  beat();
  RestRequest question = take_question();
  EXPECT_THAT(question.target, HasSubstr("/orders/historical/fills?order_ids=11111111-2222"));
  // REST lags behind
  answer(question, 200, fills(fill("22222222-2222-4333-8444-000000000001", "0.2")));
  events.clear();
  rest.clear();
  pass(300ms);
  ASSERT_FALSE(rest.empty());
  const auto again = std::find_if(rest.begin(), rest.end(), [](const RestRequest& one) {
    return one.target.find("/fills?order_ids=") != std::string::npos;
  });
  ASSERT_NE(again, rest.end());
  const RestRequest second = std::move(*again);
  answer(second, 200,
         fills(fill("22222222-2222-4333-8444-000000000002", "0.3") + "," +
               fill("22222222-2222-4333-8444-000000000001", "0.2")));
  ASSERT_THAT(events, SizeIs(2));
  const auto& oldest = std::get<domain::Execution>(events[0].what);
  EXPECT_EQ(oldest.quantity, "0.2"_qty);  // the venue tells the newest first
  EXPECT_EQ(oldest.order, (domain::OrderId{epoch, 1}));
  EXPECT_FALSE(oldest.trade.is_none());
  rest.clear();
  for (int second_at = 0; second_at < 20; ++second_at) {
    pass(1s);
    beat();
  }
  EXPECT_THAT(rest, Not(Contains(::testing::Field(&RestRequest::target, HasSubstr("order_ids=")))));
}

TEST_F(Orders, ATotalThatFallsIsNotBelievedAndEverythingIsCompared) {
  connect();
  answer_call(place(), 200, created());
  update("OPEN", "0.3", "0.2");
  take_lines();
  update("OPEN", "0.2", "0.3");
  EXPECT_THAT(take_lines(),
              ElementsAre("stream orders down sequence_gap", "stream orders ready none"));
  EXPECT_EQ(counter("totals_fell"), 1U);
}

TEST_F(Orders, AnotherHandsOrderIsReportedAndItsTotalIsNotBooked) {
  connect();
  events.clear();
  update("OPEN", "0.3", "0.2", {}, "somebody");
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_TRUE(std::get<domain::OrderReport>(events[0].what).order.is_none());
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("somebody")));
}

TEST_F(Orders, AStatusThatSaysNothingIsAskedFor) {
  connect();
  update("UNKNOWN_ORDER_STATUS", "0", "0.5");
  EXPECT_THAT(take_lines(),
              ElementsAre("stream orders down sequence_gap", "stream orders ready none"));
}

TEST_F(Orders, AHoleInTheNumbersIsAReasonToCompareAtMostEachHalfMinute) {
  connect();
  ++sequence;
  beat();
  EXPECT_THAT(take_lines(),
              ElementsAre("stream orders down sequence_gap", "stream orders ready none"));
  ++sequence;
  beat();
  EXPECT_THAT(take_lines(), IsEmpty());
  for (int second = 0; second < 31; ++second) {
    pass(1s);
    beat();
  }
  EXPECT_THAT(take_lines(),
              ElementsAre("stream orders down sequence_gap", "stream orders ready none"));
}

TEST_F(Orders, TheSnapshotComesInSeveralFrames) {
  connect();
  const auto row = [](int at) {
    return R"({"order_id":"11111111-2222-4333-8444-00000000010)" + std::to_string(at) +
           R"(","client_order_id":"x","product_id":"BTC-USD","order_side":"BUY","status":"OPEN","cumulative_quantity":"0","leaves_quantity":"1"})";
  };
  say("user", R"({"type":"snapshot","orders":[)" + row(1) + "," + row(2) + "]}");
  say("user", R"({"type":"snapshot","orders":[)" + row(3) + "]}");
  EXPECT_THAT(take_lines(), SizeIs(3));
}

TEST_F(Orders, SilenceEndsTheConnectionAndCallsUnderWayAreStillAnswered) {
  connect();
  const std::uint32_t tag = place();
  take_lines();
  pass(5s);
  EXPECT_EQ(reconnects, 1);
  EXPECT_THAT(take_lines(), Contains("stream orders down no_answer_in_time"));
  answer_call(tag, 200, created());
  EXPECT_THAT(take_lines(), Contains(HasSubstr("acknowledged")));
  // New orders wait for the channel, cancels do not
  EXPECT_EQ(place(9), 0U);
  EXPECT_NE(cancel(), 0U);
}

// ---- Questions ----------------------------------------------------------------------------------

TEST_F(Orders, OpenOrdersAreTheOpenOnesAndAllThatAreNewInAPieceOfTheirOwn) {
  connect();
  ask(domain::QueryKind::open_orders);
  RestRequest first = take_question();
  EXPECT_THAT(first.target, HasSubstr("order_status=OPEN"));
  answer(first, 200, listed("OPEN", "alpha-main-1kq5p00-1", "page2"));
  EXPECT_THAT(take_lines(), IsEmpty());
  RestRequest second = take_question();
  EXPECT_THAT(second.target, HasSubstr("cursor=page2"));
  answer(second, 200, R"({"orders":[],"has_next":false,"cursor":""})");
  RestRequest all = take_question();
  EXPECT_THAT(all.target, AllOf(Not(HasSubstr("order_status")), HasSubstr("start_date=")));
  answer(all, 200, listed("QUEUED", "alpha-main-1kq5p00-1", ""));
  const auto told = take_lines();
  ASSERT_THAT(told, SizeIs(3));
  EXPECT_THAT(told[0], HasSubstr("begin"));
  EXPECT_THAT(told[1], HasSubstr("pending"));  // the later word about the same order
  EXPECT_THAT(told[2], HasSubstr("complete"));
}

TEST_F(Orders, AHalfAnswerIsCalledPartial) {
  connect();
  ask(domain::QueryKind::balances);
  answer(take_question(), 500, "down");
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("begin"), HasSubstr("partial")));
}

TEST_F(Orders, AnOrderWithoutAVenueIdIsLookedForInTheListOfAllStates) {
  connect();
  const std::uint32_t placed = place();
  answer_call(placed, 0);
  take_lines();
  ask(domain::QueryKind::order_status, [](auto& made) { made.order = {epoch, 1}; });
  RestRequest question = take_question();
  EXPECT_THAT(question.target, AllOf(HasSubstr("/orders/historical/batch"),
                                     Not(HasSubstr("order_status")), HasSubstr("BTC-USD")));
  // Another order is not it, and there is more to look through
  answer(question, 200, listed("OPEN", "alpha-main-1kq5p00-9", "next"));
  EXPECT_THAT(take_lines(), IsEmpty());
  answer(take_question(), 200, listed("OPEN", "alpha-main-1kq5p00-1", "more"));
  const auto told = take_lines();
  ASSERT_THAT(told, SizeIs(3));
  EXPECT_THAT(told[2], HasSubstr("complete"));
  // Its id is known from now on
  EXPECT_NE(cancel(), 0U);
}

TEST_F(Orders, AnOrderThatIsInNoListIsNotFound) {
  connect();
  ask(domain::QueryKind::order_status, [](auto& made) { made.order = {epoch, 1}; });
  answer(take_question(), 200, R"({"orders":[],"has_next":false,"cursor":""})");
  EXPECT_THAT(take_lines(), Contains(HasSubstr("not_found")));
}

TEST_F(Orders, QuestionsAreSignedWhenTheyLeave) {
  connect();
  ask(domain::QueryKind::balances);
  RestRequest question = take_question();
  EXPECT_THAT(question.headers, IsEmpty());
  question.sign(question.signer.get(), question, now);
  ASSERT_THAT(question.headers, SizeIs(1));
  EXPECT_EQ(question.headers[0].first, "Authorization");
  EXPECT_THAT(question.headers[0].second, StartsWith("Bearer ey"));
}

TEST_F(Orders, BalancesNameEveryTradedAsset) {
  connect();
  ask(domain::QueryKind::balances);
  events.clear();
  answer(
      take_question(), 200,
      R"({"accounts":[{"currency":"USD","available_balance":{"value":"7"},"hold":{"value":"1"}}],"has_next":false,"cursor":""})");
  const World world;
  std::size_t count = 0;
  for (const domain::Event& event : events) {
    const auto* balance = std::get_if<domain::Balance>(&event.what);
    if (balance == nullptr) continue;
    ++count;
    EXPECT_EQ(balance->free, balance->asset == world.usd ? "7"_usd : domain::Money{});
  }
  EXPECT_EQ(count, world.symbols()->traded_assets().size());
}

TEST_F(Orders, AfterAFillTheWalletIsReadByItself) {
  connect();
  answer_call(place(), 200, created());
  update("FILLED", "0.5", "0");
  rest.clear();
  pass(400ms);
  EXPECT_THAT(rest, Contains(::testing::Field(&RestRequest::target, HasSubstr("/accounts"))));
}

TEST_F(Orders, FillsOfAnInstrumentComeOldestFirst) {
  connect();
  ask(domain::QueryKind::fills_since, [&](auto& made) { made.since = now - 1h; });
  RestRequest question = take_question();
  EXPECT_THAT(question.target,
              AllOf(HasSubstr("product_ids=BTC-USD"), HasSubstr("start_sequence_timestamp=")));
  events.clear();
  answer(question, 200,
         fills(fill("22222222-2222-4333-8444-000000000002", "0.3") + "," +
               fill("22222222-2222-4333-8444-000000000001", "0.2")));
  ASSERT_THAT(events, SizeIs(4));
  EXPECT_EQ(std::get<domain::Execution>(events[1].what).quantity, "0.2"_qty);
}

TEST_F(Orders, KeepTheirConnectionsWarmWithThePublicClock) {
  connect();
  for (int second = 0; second < 6; ++second) {
    pass(1s);
    beat();
  }
  EXPECT_THAT(calls, Contains(::testing::Field(
                         &std::pair<std::uint32_t, std::string>::second,
                         StartsWith("GET /api/v3/brokerage/time HTTP/1.1\r\nHost: api.test\r\n"))));
}

}  // namespace
}  // namespace halcyon::gateways::coinbase::testing
