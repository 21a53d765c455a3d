#include "gateways/binance/order_session.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "domain/client_order_id.h"
#include "session_harness.h"

namespace halcyon::gateways::binance::testing {
namespace {

using namespace domain::literals;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::uint32_t epoch = 1'735'579'648;  // 1kq5p00

std::string documented_pem() {
  const auto vectors = json::parse(*sample("signing_vectors.json"));
  return "-----BEGIN PRIVATE KEY-----\n" +
         vectors["ed25519"]["private_key_pkcs8_der_base64"].get<std::string>() +
         "\n-----END PRIVATE KEY-----\n";
}

class Orders : public ::testing::Test, public SessionHarness<OrderSession> {
 protected:
  explicit Orders(bool with_hmac = false) : SessionHarness<OrderSession>(make(with_hmac)) {}

  static std::unique_ptr<OrderSession> make(bool with_hmac) {
    const World world;
    OrderSettings settings;
    settings.symbols = std::make_shared<const Symbols>(world.symbols());
    settings.identity = world.identity();
    settings.endpoint = {"ws-api.test", 443, "/ws-api/v3", true};
    settings.api_key = "KEY";
    settings.signer = std::make_unique<Signer>(
        with_hmac ? Signer{HmacKey{"secret"}}
                  : Signer{Ed25519Key::from_pem(documented_pem(), "documented")});
    settings.jitter_seed = 5;
    return std::make_unique<OrderSession>(std::move(settings));
  }

  /// The request last sent, taken apart.
  json last() const { return json::parse(sent.back()); }
  std::uint64_t last_id() const { return last()["id"].get<std::uint64_t>(); }

  void respond(std::uint64_t id, const std::string& result) {
    frame("{\"id\":" + std::to_string(id) + ",\"status\":200,\"result\":" + result + "}");
  }
  void refuse(std::uint64_t id, int status, int code, std::string_view text,
              std::string_view data = {}) {
    frame("{\"id\":" + std::to_string(id) + ",\"status\":" + std::to_string(status) +
          ",\"error\":{\"code\":" + std::to_string(code) + ",\"msg\":\"" + std::string{text} +
          "\"" + (data.empty() ? "" : ",\"data\":" + std::string{data}) + "}}");
  }
  /// Answers `time` three times: the venue is `ahead`, and each way takes 1 ms.
  void measure(domain::Duration ahead = {}) {
    for (int time = 0; time < 3; ++time) {
      ASSERT_EQ(last()["method"], "time");
      const std::uint64_t id = last_id();
      now += 2ms;
      respond(id, "{\"serverTime\":" + std::to_string(domain::to_unix_ms(now - 1ms + ahead)) + "}");
    }
  }
  /// From the handshake to `ready`.
  void connect(domain::Duration ahead = {}) {
    open();
    measure(ahead);
    ASSERT_EQ(last()["method"], "session.logon");
    respond(last_id(), R"({"apiKey":"KEY","authorizedSince":1})");
    ASSERT_EQ(last()["method"], "userDataStream.subscribe");
    respond(last_id(), R"({"subscriptionId":0})");
    ASSERT_EQ(lines.back(), "stream orders ready none");
    lines.clear();
    sent.clear();
  }

  domain::NewOrder order(std::uint32_t counter) const {
    domain::NewOrder made;
    made.id = {epoch, counter};
    made.account = World{}.account;
    made.instrument = World{}.btc_usdt;
    made.type = domain::OrderType::limit;
    made.quantity = "0.5"_qty;
    made.limit_price = "100"_px;
    made.created = now;
    return made;
  }
  domain::OrderCommand place_command(const domain::NewOrder& made) const {
    domain::OrderCommand command;
    command.valid_until = now + 2s;
    command.what = approved(made);
    return command;
  }
  /// Sends an order; returns the id of the request on the wire.
  std::uint64_t place(std::uint32_t counter) {
    command(place_command(order(counter)));
    return last_id();
  }
  std::uint64_t cancel(std::uint32_t counter, std::uint32_t of,
                       domain::ForeignId venue_order = {}) {
    domain::OrderCommand made;
    made.what = domain::CancelRequest{{epoch, counter}, {epoch, of}, venue_order, World{}.btc_usdt};
    const std::size_t before = sent.size();
    command(made);
    return sent.size() > before ? last_id() : 0;
  }
  void ask(domain::QueryKind kind, std::uint32_t counter,
           const std::function<void(domain::VenueRequest&)>& change = {}) {
    domain::VenueRequest made;
    made.request = {epoch, counter};
    made.kind = kind;
    made.account = World{}.account;
    made.instrument = World{}.btc_usdt;
    if (change) change(made);
    request(made);
  }
  void report(std::string_view execution, std::string_view status, std::string_view more,
              std::uint64_t sequence = 900) {
    frame(
        R"({"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT","c":"alpha-main-1kq5p00-1","S":"BUY","o":"LIMIT","f":"GTC","q":"0.50000000","p":"100.00000000","C":"","x":")" +
        std::string{execution} + R"(","X":")" + std::string{status} +
        R"(","i":77,"z":"0.00000000","T":1723161255000,"I":)" + std::to_string(sequence) +
        std::string{more} + "}}");
  }
};

constexpr const char* ack =
    R"({"symbol":"BTCUSDT","orderId":77,"orderListId":-1,"clientOrderId":"alpha-main-1kq5p00-1","transactTime":1})";

// ---- The handshake ------------------------------------------------------------------------------

TEST_F(Orders, MeasuresTheClockThenLogsOnThenSubscribesAndOnlyThenIsReady) {
  start();
  open();
  EXPECT_THAT(take_lines(), ElementsAre("stream orders connecting none"));
  measure(500ms);
  EXPECT_THAT(take_lines(), ElementsAre("clock 500000 us in 2000 us"));
  const json logon = last();
  EXPECT_EQ(logon["method"], "session.logon");
  EXPECT_EQ(logon["params"]["apiKey"], "KEY");
  // Our clock plus the offset, less five milliseconds
  EXPECT_EQ(logon["params"]["timestamp"], domain::to_unix_ms(now) + 495);
  respond(last_id(), "{}");
  EXPECT_EQ(last()["method"], "userDataStream.subscribe");
  EXPECT_FALSE(last().contains("params"));
  EXPECT_THAT(take_lines(), IsEmpty());
  respond(last_id(), R"({"subscriptionId":0})");
  EXPECT_THAT(take_lines(), ElementsAre("stream orders ready none"));
}

TEST_F(Orders, BelievesTheQuickestOfItsClockSamples) {
  open();
  const domain::Duration trips[] = {400ms, 2ms, 100ms};
  for (const domain::Duration trip : trips) {
    const std::uint64_t id = last_id();
    now += trip;
    // The way there takes no time, the way back all of it: the estimate errs by half the trip
    respond(id, "{\"serverTime\":" + std::to_string(domain::to_unix_ms(now - trip)) + "}");
  }
  EXPECT_THAT(lines.back(), "clock -1000 us in 2000 us");
}

TEST_F(Orders, SendsNothingWhileNotReadyAndSaysSoWithCertainty) {
  command(place_command(order(1)));
  EXPECT_THAT(take_lines(), ElementsAre("place 1735579648-1 of 1735579648-1 not_sent @- "
                                        "not_sent_not_ready 0"));
  EXPECT_EQ(cancel(2, 1), 0U);
  EXPECT_THAT(take_lines(), ElementsAre("cancel 1735579648-2 of 1735579648-1 not_sent @- "
                                        "not_sent_not_ready 0"));
  EXPECT_THAT(sent, IsEmpty());
}

TEST_F(Orders, CancelsGoOutAsSoonAsTheVenueKnowsUs) {
  open();
  measure();
  respond(last_id(), "{}");  // logged on; the private stream is not confirmed yet
  take_lines();
  command(place_command(order(2)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent_not_ready")));
  EXPECT_NE(cancel(3, 1), 0U);
  EXPECT_EQ(last()["method"], "order.cancel");
}

TEST_F(Orders, ARefusedLogonIsSaidAndNotRepeatedForFiveMinutes) {
  open();
  measure();
  take_lines();
  refuse(last_id(), 401, -2015, "Invalid API-key, IP, or permissions for action.");
  EXPECT_EQ(reconnects, 1);
  EXPECT_EQ(reconnect_at, now + 5min);
  EXPECT_THAT(take_lines(), ElementsAre("stream orders down not_permitted"));
  EXPECT_THAT(words, Contains(HasSubstr("-2015 Invalid API-key")));
  for (const std::string& line : words) EXPECT_THAT(line, Not(HasSubstr("PRIVATE")));
}

TEST_F(Orders, ALogonOutsideTheWindowMeasuresTheClockAnewAndTriesOnceMore) {
  open();
  measure(0ms);
  refuse(last_id(), 400, -1021, "Timestamp for this request is outside of the recvWindow.");
  EXPECT_EQ(reconnects, 0);
  measure(30s);
  EXPECT_EQ(last()["method"], "session.logon");
  EXPECT_EQ(last()["params"]["timestamp"], domain::to_unix_ms(now) + 29'995);
  refuse(last_id(), 400, -1021, "Timestamp for this request is outside of the recvWindow.");
  EXPECT_EQ(reconnects, 1);
}

TEST_F(Orders, AHandshakeThatIsNotAnsweredEndsTheConnection) {
  open();
  pass(12s - 1ns);
  EXPECT_EQ(reconnects, 0);
  pass(1ns);
  EXPECT_EQ(reconnects, 1);
  EXPECT_THAT(why, HasSubstr("did not answer"));
}

TEST_F(Orders, AnActiveSubscriptionIsAsGoodAsANewOne) {
  open();
  measure();
  respond(last_id(), "{}");
  refuse(last_id(), 400, -2035, "User Data Stream subscription already active.");
  EXPECT_EQ(lines.back(), "stream orders ready none");
}

class OrdersWithHmac : public Orders {
 protected:
  OrdersWithHmac() : Orders(true) {}
};

TEST_F(OrdersWithHmac, AKeyThatCannotLogOnSignsEachRequest) {
  open();
  measure();
  EXPECT_EQ(last()["method"], "userDataStream.subscribe.signature");
  EXPECT_EQ(last()["params"]["apiKey"], "KEY");
  EXPECT_EQ(cancel(3, 1), 0U);  // nobody knows us yet
  respond(last_id(), R"({"subscriptionId":0})");
  place(1);
  EXPECT_EQ(last()["method"], "order.place");
  EXPECT_EQ(last()["params"]["signature"].get<std::string>().size(), 64U);
}

// ---- Orders -------------------------------------------------------------------------------------

TEST_F(Orders, AnOrderIsSentAndAcknowledged) {
  connect(100ms);
  const std::uint64_t id = place(1);
  EXPECT_EQ(last()["method"], "order.place");
  EXPECT_EQ(last()["params"]["newClientOrderId"], "alpha-main-1kq5p00-1");
  EXPECT_EQ(last()["params"]["timestamp"], domain::to_unix_ms(now) + 95);
  EXPECT_FALSE(last()["params"].contains("signature"));
  EXPECT_THAT(take_lines(), ElementsAre("place 1735579648-1 of 1735579648-1 sent @- none 0"));
  respond(id, ack);
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-1 of 1735579648-1 acknowledged @77 none 0"));
}

TEST_F(Orders, AnAcknowledgementBehindTheFillChangesNothingAboutTheFill) {
  connect();
  const std::uint64_t id = place(1);
  take_lines();
  report("TRADE", "FILLED",
         R"(,"t":5,"l":"0.50000000","L":"99.00000000","n":"0","N":null,"m":false)");
  respond(id, ack);
  EXPECT_THAT(take_lines(),
              ElementsAre(StartsWith("fill 1735579648-1 @77 #5 buy 99 x 0.5"),
                          StartsWith("report 1735579648-1 @77 filled"),
                          "place 1735579648-1 of 1735579648-1 acknowledged @77 none 0"));
}

TEST_F(Orders, DuplicateEventsArePassedOnAsTheyAre) {
  // The engine knows fills by their key; a session has no memory of them
  connect();
  for (int time = 0; time < 2; ++time) {
    report("TRADE", "PARTIALLY_FILLED",
           R"(,"t":5,"l":"0.1","L":"99.0","n":"0","N":null,"m":false)");
  }
  EXPECT_EQ(take_lines().size(), 4U);
}

TEST_F(Orders, AnOrderThatIsTooLateIsNotSent) {
  connect();
  auto command_late = place_command(order(1));
  command_late.valid_until = now;
  now += 1ns;
  command(command_late);
  EXPECT_THAT(take_lines(), ElementsAre("place 1735579648-1 of 1735579648-1 not_sent @- "
                                        "not_sent_too_late 0"));
  EXPECT_THAT(sent, IsEmpty());
}

TEST_F(Orders, AnOrderThatCannotBeWrittenIsNotSentAndLeavesNoTrace) {
  connect();
  auto made = order(1);
  made.instrument = *World{}.catalog.find_instrument(domain::VenueId{1}, "LTC/EUR");
  command(place_command(made));
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-1 of 1735579648-1 not_sent @- not_sent_not_encodable 0 "
                          "[the instrument is none of this venue]"));
  EXPECT_THAT(sent, IsEmpty());
  pass(13s);
  EXPECT_THAT(take_lines(), IsEmpty());  // nothing waits for an answer
}

TEST_F(Orders, MoreRequestsThanTheTableHoldsAreNotSent) {
  connect();
  std::vector<std::uint64_t> ids;
  for (std::uint32_t counter = 1; counter <= Requests::capacity; ++counter) {
    ids.push_back(place(counter));
  }
  take_lines();
  const std::size_t before = sent.size();
  command(place_command(order(10'000)));
  EXPECT_EQ(sent.size(), before);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- outbox_full")));
  respond(ids.front(), ack);  // one answer makes room for one
  take_lines();
  place(10'001);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("1735579648-10001 sent")));
}

struct RefusalRow {
  const char* name;
  int status;
  int code;
  const char* text;
  const char* outcome;  ///< what is told of the order
};

class OrderAnswers : public Orders, public ::testing::WithParamInterface<RefusalRow> {};

TEST_P(OrderAnswers, AreToldAsWhatTheyAre) {
  connect();
  const std::uint64_t id = place(1);
  take_lines();
  refuse(id, GetParam().status, GetParam().code, GetParam().text);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines[0], std::string{"place 1735579648-1 of 1735579648-1 "} + GetParam().outcome);
}

INSTANTIATE_TEST_SUITE_P(
    Orders, OrderAnswers,
    ::testing::Values(
        RefusalRow{"funds", 400, -2010, "Account has insufficient balance for requested action.",
                   "refused @- venue_refused_funds -2010 [Account has insufficient balance for "
                   "requested action.]"},
        RefusalRow{"filter", 400, -1013, "Filter failure: LOT_SIZE",
                   "refused @- venue_refused_filter -1013 [Filter failure: LOT_SIZE]"},
        RefusalRow{"clock", 400, -1021, "Timestamp for this request is outside of the recvWindow.",
                   "refused @- venue_refused -1021 [Timestamp for this request is outside of the "
                   "recvWindow.]"},
        RefusalRow{"too_many", 429, -1015, "Too many new orders.",
                   "refused @- venue_refused_rate_limit -1015 [Too many new orders.]"},
        RefusalRow{"key", 401, -2015, "Invalid API-key.",
                   "refused @- not_permitted -2015 [Invalid API-key.]"},
        RefusalRow{"duplicate_is_no_refusal", 400, -2010, "Duplicate order sent.",
                   "unknown @- venue_refused_duplicate -2010 [Duplicate order sent.]"},
        RefusalRow{"time_out_is_no_refusal", 500, -1007, "Timeout waiting for response.",
                   "unknown @- venue_outcome_unknown -1007 [Timeout waiting for response.]"},
        RefusalRow{"time_out_as_a_bad_request", 400, -1007, "Timeout waiting for response.",
                   "unknown @- venue_outcome_unknown -1007 [Timeout waiting for response.]"},
        RefusalRow{"overloaded_is_no_refusal", 503, -1008, "Server overloaded.",
                   "unknown @- venue_outcome_unknown -1008 [Server overloaded.]"},
        RefusalRow{"any_server_error_is_no_refusal", 502, -2010, "Market is closed.",
                   "unknown @- venue_outcome_unknown -2010 [Market is closed.]"}),
    [](const auto& row) { return row.param.name; });

TEST_F(Orders, SilenceMakesARequestUnknownAndNothingElse) {
  connect();
  const std::uint64_t id = place(1);
  take_lines();
  pass(12s - 1ns);
  EXPECT_THAT(take_lines(), IsEmpty());
  pass(1ns);
  EXPECT_THAT(take_lines(), ElementsAre("place 1735579648-1 of 1735579648-1 unknown @- "
                                        "no_answer_in_time 0"));
  EXPECT_EQ(reconnects, 0);
  EXPECT_EQ(sent.size(), 1U);  // never sent again
  // The answer comes after all, and is told
  respond(id, ack);
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-1 of 1735579648-1 acknowledged @77 none 0"));
  EXPECT_EQ(counter("answers_late"), 1U);
  respond(id, ack);  // a second one belongs to nothing
  EXPECT_THAT(take_lines(), IsEmpty());
  EXPECT_EQ(counter("answers_unmatched"), 1U);
}

TEST_F(Orders, ALateAnswerThatDoesNotKnowEitherIsNotToldAgain) {
  connect();
  const std::uint64_t id = place(1);
  pass(12s);
  take_lines();
  refuse(id, 500, -1007, "Timeout waiting for response.");
  EXPECT_THAT(take_lines(), IsEmpty());
}

TEST_F(Orders, ALostConnectionMakesEveryRequestInFlightUnknownAndSendsNothingAgain) {
  connect();
  place(1);
  cancel(2, 1);
  ask(domain::QueryKind::open_orders, 3);
  take_lines();
  sent.clear();
  closed();
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-1 of 1735579648-1 unknown @- connection_lost 0",
                          "cancel 1735579648-2 of 1735579648-1 unknown @- connection_lost 0",
                          "begin 1735579648-3 open_orders",
                          "end 1735579648-3 open_orders partial connection_lost",
                          "stream orders down connection_lost"));
  connect();
  for (const std::string& text : sent) EXPECT_THAT(text, Not(HasSubstr("order.place")));
}

TEST_F(Orders, G10_SilenceOfTheConnectionEndsIt) {
  connect();
  place(1);
  take_lines();
  pass(45s);
  EXPECT_EQ(reconnects, 1);
  EXPECT_THAT(why, HasSubstr("45 s"));
  EXPECT_EQ(take_lines().back(), "stream orders down no_answer_in_time");
}

TEST_F(Orders, G10_SilenceIsToldWhenAPingIsOverdueAndTakenBackByTheNextSignOfLife) {
  connect();
  pass(OrderSession::silence_warning - 1ms);
  EXPECT_THAT(lines, Not(Contains(HasSubstr("silent"))));
  pass(1ms);
  EXPECT_THAT(lines, Contains("stream orders silent no_answer_in_time"));
  EXPECT_EQ(reconnects, 0);
  lines.clear();
  live();
  pass(1ms);
  EXPECT_THAT(lines, ElementsAre("stream orders ready none"));
  pass(OrderSession::silence_warning);
  EXPECT_THAT(lines, Contains("stream orders silent no_answer_in_time")) << "again";
}

TEST_F(Orders, PingsKeepTheConnectionAliveAndTheClockIsMeasuredEveryFiveMinutes) {
  connect();
  for (int ping = 0; ping < 15; ++ping) {
    pass(20s);
    session->on_sign_of_life(now);
  }
  EXPECT_EQ(reconnects, 0);
  ASSERT_EQ(sent.size(), 1U);
  measure(20ms);
  EXPECT_THAT(lines.back(), StartsWith("clock "));
}

TEST_F(Orders, AClockThatJumpsIsSaid) {
  connect(0ms);
  for (int ping = 0; ping < 15; ++ping) {
    pass(20s);
    session->on_sign_of_life(now);
  }
  measure(900ms);
  EXPECT_THAT(words, IsEmpty());  // the earlier samples are as quick, and are believed
  for (int ping = 0; ping < 15; ++ping) {
    pass(20s);
    session->on_sign_of_life(now);
  }
  measure(900ms);
  EXPECT_THAT(words, Contains(HasSubstr("moved by 900 ms")));
}

// ---- Cancels ------------------------------------------------------------------------------------

TEST_F(Orders, ACancelIsAcknowledgedByItsAnswer) {
  connect();
  const std::uint64_t id = cancel(2, 1, domain::ForeignId::number(77));
  EXPECT_EQ(last()["params"]["orderId"], 77);
  EXPECT_EQ(last()["params"]["newClientOrderId"], "alpha-main-1kq5p00-2");
  take_lines();
  respond(id, json::parse(*sample("wsapi_order_cancel_response.json"))["result"].dump());
  EXPECT_THAT(take_lines(), ElementsAre("cancel 1735579648-2 of 1735579648-1 acknowledged "
                                        "@12569099453 none 0"));
}

TEST_F(Orders, ACancelThatRacesAFillIsRefusedAndTheFillComes) {
  connect();
  const std::uint64_t id = cancel(2, 1);
  take_lines();
  refuse(id, 400, -2011, "Unknown order sent.");
  report("TRADE", "FILLED", R"(,"t":5,"l":"0.50000000","L":"99.0","n":"0","N":null,"m":true)");
  EXPECT_THAT(take_lines(),
              ElementsAre("cancel 1735579648-2 of 1735579648-1 refused @- "
                          "venue_refused_unknown_order -2011 [Unknown order sent.]",
                          StartsWith("fill 1735579648-1"), StartsWith("report 1735579648-1")));
}

TEST_F(Orders, ACancelRefusedByRestrictionsSaysNothingAboutTheOrder) {
  connect();
  const std::uint64_t id = cancel(2, 1);
  take_lines();
  refuse(id, 400, -2011, "Order was not canceled due to cancel restrictions.");
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("refused @- venue_refused -2011")));
}

// ---- Limits -------------------------------------------------------------------------------------

TEST_F(Orders, G16_TooManyUnfilledOrdersStopNewOnesUntilTheWindowEndsAndCancelsGoOn) {
  connect();
  now = domain::from_unix_ms(1'723'161'263'000);  // three seconds into a window of ten
  refuse(place(1), 429, -1015, "Too many new orders; current limit is 50 orders per 10 SECOND.");
  take_lines();
  command(place_command(order(2)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- venue_refused_rate_limit")));
  EXPECT_NE(cancel(3, 1), 0U);
  take_lines();
  pass(6'999ms);
  command(place_command(order(4)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent")));
  pass(1ms);
  command(place_command(order(5)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("5 sent")));
}

TEST_F(Orders, G16_ABanStopsEverythingUntilTheVenueSaysSo) {
  connect(2s);
  const std::int64_t until = domain::to_unix_ms(now + 2s + 60s);  // on the venue's clock
  refuse(place(1), 418, -1003, "Way too much request weight used; IP banned.",
         "{\"serverTime\":1,\"retryAfter\":" + std::to_string(until) + "}");
  take_lines();
  EXPECT_EQ(cancel(2, 1), 0U);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- venue_refused_rate_limit")));
  ask(domain::QueryKind::order_status, 3);
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-3 order_status",
                                        "end 1735579648-3 order_status partial "
                                        "venue_refused_rate_limit"));
  EXPECT_THAT(words, Contains(HasSubstr("banned")));
  // The ban outlasts a lost connection
  closed();
  EXPECT_GE(reconnect_at, now + 60s);
  now += 62s;
  connect();
  EXPECT_NE(cancel(4, 1), 0U);
}

TEST_F(Orders, G16_QuestionsStopAtNinetyPercentOfTheWeightButThoseAboutOneOrder) {
  connect();
  frame(
      "{\"id\":" + std::to_string(place(1)) + ",\"status\":200,\"result\":" + ack +
      R"(,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":5400}]})");
  take_lines();
  ask(domain::QueryKind::balances, 2);
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-2 balances",
                                        "end 1735579648-2 balances partial "
                                        "venue_refused_rate_limit"));
  ask(domain::QueryKind::order_status, 3, [](auto& r) { r.order = {epoch, 1}; });
  EXPECT_EQ(last()["method"], "order.status");
  // The next minute is a new one
  now += 60s;
  session->on_sign_of_life(now);
  ask(domain::QueryKind::balances, 5);
  EXPECT_EQ(last()["method"], "account.status");
}

TEST_F(Orders, AForbiddenOrderStopsNewOnesForFiveMinutesWithoutEndingTheStream) {
  connect();
  refuse(place(1), 400, -2010, "This action is disabled on this account.");
  take_lines();
  command(place_command(order(2)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- not_permitted")));
  EXPECT_NE(cancel(3, 1), 0U);
  EXPECT_EQ(reconnects, 0);
  EXPECT_THAT(words, Contains(HasSubstr("forbids orders")));
}

TEST_F(Orders, ARevokedSessionGoesDownAndComesBackLater) {
  connect();
  place(1);
  take_lines();
  frame(minified(*sample("error_wsapi_session_revoked_401.json")));
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-1 of 1735579648-1 unknown @- connection_lost 0",
                          "stream orders down not_permitted"));
  EXPECT_EQ(reconnect_at, now + 5min);
}

// ---- Questions ----------------------------------------------------------------------------------

TEST_F(Orders, G4_AnOrderIsFoundWithItsState) {
  connect();
  ask(domain::QueryKind::order_status, 5, [](auto& r) { r.order = {epoch, 1}; });
  EXPECT_EQ(last()["params"]["origClientOrderId"], "alpha-main-1kq5p00-1");
  json result = json::parse(*sample("wsapi_order_status_response.json"))["result"];
  result["clientOrderId"] = "alpha-main-1kq5p00-1";
  respond(last_id(), result.dump());
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-5 order_status",
                                        StartsWith("report 1735579648-1 @12569099453 filled"),
                                        "end 1735579648-5 order_status complete none"));
}

TEST_F(Orders, G4_AnOrderThatTheVenueDoesNotKnowIsSaidToBeNotFound) {
  connect();
  for (const int code : {-2013, -2026}) {
    ask(domain::QueryKind::order_status, 5, [](auto& r) { r.order = {epoch, 1}; });
    refuse(last_id(), 400, code, "Order does not exist.");
    EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-5 order_status",
                                          "end 1735579648-5 order_status complete not_found none"));
  }
}

TEST_F(Orders, AnAnswerThatDoesNotSayIsPartial) {
  connect();
  ask(domain::QueryKind::order_status, 5, [](auto& r) { r.order = {epoch, 1}; });
  refuse(last_id(), 500, -1007, "Timeout.");
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-5 order_status",
                                        "end 1735579648-5 order_status partial "
                                        "venue_outcome_unknown"));
  ask(domain::QueryKind::open_orders, 6);
  respond(last_id(), R"([{"symbol":"BTCUSDT"}])");
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-6 open_orders",
                                        "end 1735579648-6 open_orders partial none"));
  ask(domain::QueryKind::balances, 7);
  pass(12s);
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-7 balances",
                                        "end 1735579648-7 balances partial no_answer_in_time"));
}

TEST_F(Orders, OpenOrdersOfOneInstrumentOrOfAll) {
  connect();
  ask(domain::QueryKind::open_orders, 5);
  EXPECT_EQ(last()["params"]["symbol"], "BTCUSDT");
  respond(last_id(),
          json::parse(*sample("wsapi_openOrders_status_response.json"))["result"].dump());
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-5 open_orders",
                                        StartsWith("report external @12569099453"),
                                        "end 1735579648-5 open_orders complete none"));
  ask(domain::QueryKind::open_orders, 6,
      [](auto& r) { r.instrument = domain::no<domain::InstrumentId>; });
  EXPECT_FALSE(last()["params"].contains("symbol"));
  respond(last_id(), "[]");
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-6 open_orders",
                                        "end 1735579648-6 open_orders complete none"));
}

TEST_F(Orders, BalancesAreAbsolute) {
  connect();
  ask(domain::QueryKind::balances, 5);
  EXPECT_EQ(last()["method"], "account.status");
  EXPECT_EQ(last()["params"]["omitZeroBalances"], true);
  respond(last_id(),
          R"({"canTrade":false,"balances":[{"asset":"USDT","free":"1.5","locked":"0.5"}]})");
  const auto told = take_lines();
  EXPECT_EQ(told.front(), "begin 1735579648-5 balances");
  EXPECT_EQ(told[1], "balance 2 free 1.5 locked 0.5 single_query");
  EXPECT_EQ(told.back(), "end 1735579648-5 balances complete none");
  EXPECT_THAT(words, ElementsAre(HasSubstr("may not trade")));
}

std::string trades(std::uint64_t first, std::size_t count) {
  json list = json::array();
  json row = json::parse(*sample("wsapi_myTrades_response.json"))["result"][0];
  for (std::size_t index = 0; index < count; ++index) {
    row["id"] = first + index;
    list.push_back(row);
  }
  return list.dump();
}

TEST_F(Orders, FillsAreReadPageByPageAndToldInOnePiece) {
  connect();
  ask(domain::QueryKind::fills_since, 5, [](auto& r) { r.after = domain::ForeignId::number(99); });
  EXPECT_EQ(last()["params"]["fromId"], 100);
  respond(last_id(), trades(100, OrderSession::fills_in_page));
  EXPECT_THAT(lines, IsEmpty());
  EXPECT_EQ(last()["params"]["fromId"], 300);
  // Another question is answered between the pages, and stands for itself
  const std::uint64_t page = last_id();
  ask(domain::QueryKind::open_orders, 6);
  respond(last_id(), "[]");
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-6 open_orders",
                                        "end 1735579648-6 open_orders complete none"));
  respond(page, trades(300, 3));
  const auto told = take_lines();
  ASSERT_EQ(told.size(), 205U);
  EXPECT_EQ(told.front(), "begin 1735579648-5 fills_since");
  EXPECT_THAT(told[1], HasSubstr("#100 "));
  EXPECT_THAT(told[203], HasSubstr("#302 "));
  EXPECT_EQ(told.back(), "end 1735579648-5 fills_since complete none");
}

TEST_F(Orders, FillsSinceATimeAreSoughtDayByDayUntilOneIsFound) {
  connect();
  ask(domain::QueryKind::fills_since, 5, [this](auto& r) { r.since = now - 60h; });
  const std::int64_t since = domain::to_unix_ms(now - 60h);
  EXPECT_EQ(last()["params"]["startTime"], since);
  EXPECT_EQ(last()["params"]["endTime"], since + 86'399'999);
  respond(last_id(), "[]");
  EXPECT_EQ(last()["params"]["startTime"], since + 86'400'000);
  respond(last_id(), trades(50, 2));
  EXPECT_EQ(last()["params"]["fromId"], 52);  // from here on ids lead
  respond(last_id(), "[]");
  const auto told = take_lines();
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told.back(), "end 1735579648-5 fills_since complete none");
}

TEST_F(Orders, FillsOfATimeWithoutAnyEndWithToday) {
  connect();
  ask(domain::QueryKind::fills_since, 5, [this](auto& r) { r.since = now - 30h; });
  respond(last_id(), "[]");
  respond(last_id(), "[]");
  EXPECT_THAT(take_lines(), ElementsAre("begin 1735579648-5 fills_since",
                                        "end 1735579648-5 fills_since complete none"));
}

TEST_F(Orders, AllFillsAreAskedForFromTheFirst) {
  connect();
  ask(domain::QueryKind::fills_since, 5);
  EXPECT_EQ(last()["params"]["fromId"], 0);
}

TEST_F(Orders, PagesThatCameBeforeTheLineWasCutAreToldAsPartial) {
  connect();
  ask(domain::QueryKind::fills_since, 5, [](auto& r) { r.after = domain::ForeignId::number(99); });
  respond(last_id(), trades(100, OrderSession::fills_in_page));
  closed();
  const auto told = take_lines();
  ASSERT_EQ(told.size(), 203U);
  EXPECT_EQ(told[201], "end 1735579648-5 fills_since partial connection_lost");
}

// ---- The private stream -------------------------------------------------------------------------

TEST_F(Orders, AnEndedPrivateStreamIsSubscribedAgainAndTheEngineReconciles) {
  connect();
  frame(minified(*sample("uds_eventStreamTerminated.json")));
  EXPECT_THAT(take_lines(), ElementsAre("stream orders down stream_not_ready"));
  EXPECT_EQ(last()["method"], "userDataStream.subscribe");
  command(place_command(order(1)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent_not_ready")));
  respond(json::parse(sent[0])["id"].get<std::uint64_t>(), R"({"subscriptionId":1})");
  EXPECT_THAT(take_lines(), ElementsAre("stream orders ready none"));
}

TEST_F(Orders, APrivateFrameThatCannotBeReadMakesTheEngineCompareEverything) {
  connect();
  report("TRADE", "FILLED", R"(,"t":5,"l":"many","L":"99.0","n":"0","N":null)");
  EXPECT_THAT(take_lines(),
              ElementsAre("stream orders down sequence_gap", "stream orders ready none"));
  EXPECT_EQ(counter("decode_bad_number"), 1U);
  EXPECT_EQ(words.size(), 1U);
  // A flood of them does not: once in thirty seconds
  for (int time = 0; time < 10; ++time) frame("nonsense");
  EXPECT_THAT(take_lines(), IsEmpty());
  pass(29s);
  live();
  pass(1s);
  EXPECT_THAT(take_lines(),
              ElementsAre("stream orders down sequence_gap", "stream orders ready none"));
  EXPECT_EQ(counter("reconciles_asked"), 2U);
}

TEST_F(Orders, OrdersOnInstrumentsThatAreNotConfiguredAreCountedOnly) {
  connect();
  frame(
      R"({"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"XYZUSDT","c":"web","S":"BUY","o":"LIMIT","f":"GTC","q":"1","p":"1","x":"NEW","X":"NEW","i":1,"z":"0","T":1,"I":1}})");
  EXPECT_THAT(take_lines(), IsEmpty());
  EXPECT_EQ(counter("unknown_symbols"), 1U);
}

TEST_F(Orders, AnAnnouncedShutdownWaitsForAnswersAndThenReconnectsAtOnce) {
  connect();
  const std::uint64_t id = place(1);
  take_lines();
  frame(minified(*sample("wsapi_serverShutdown_event.json")));
  EXPECT_THAT(take_lines(), ElementsAre("stream orders down connection_lost"));
  EXPECT_EQ(reconnects, 0);
  command(place_command(order(2)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent_not_ready")));
  respond(id, ack);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("acknowledged")));
  EXPECT_EQ(reconnects, 1);
  EXPECT_EQ(reconnect_at, now);
}

TEST_F(Orders, AnAnnouncedShutdownDoesNotWaitForEver) {
  connect();
  place(1);
  take_lines();
  frame(minified(*sample("wsapi_serverShutdown_event.json")));
  pass(2s);
  EXPECT_EQ(reconnects, 1);
  EXPECT_THAT(take_lines(),
              ElementsAre("stream orders down connection_lost",
                          "place 1735579648-1 of 1735579648-1 unknown @- connection_lost 0"));
}

TEST_F(Orders, PausesGrowAndServiceMakesThemShortAgain) {
  start();
  domain::Duration full = 200ms;
  for (int attempt = 0; attempt < 10; ++attempt) {
    closed("connection refused");
    EXPECT_GT(reconnect_at - now, full / 2);
    EXPECT_LE(reconnect_at - now, full);
    full = std::min<domain::Duration>(full * 2, 30s);
  }
  connect();
  pass(31s);
  closed();
  EXPECT_LE(reconnect_at - now, 200ms);
}

TEST_F(Orders, AssetsThatNobodyNamedAreSaidOnceByName) {
  connect();
  for (int time = 0; time < 3; ++time) {
    frame(
        R"({"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"u":1,"B":[{"a":"NEO","f":"1.5","l":"0"},{"a":"USDT","f":"5","l":"0"}]}})");
  }
  EXPECT_EQ(take_lines().size(), 3U);
  EXPECT_EQ(counter("unknown_assets"), 3U);
  EXPECT_THAT(words, ElementsAre(HasSubstr("NEO")));
}

// ---- Replacing, amending, lists -----------------------------------------------------------------

domain::OrderCommand replace_command(const domain::NewOrder& next, domain::OrderId of,
                                     domain::ReplaceMode mode, domain::Timestamp valid_until) {
  domain::OrderCommand command;
  command.valid_until = valid_until;
  command.what = domain::ReplaceRequest{
      {epoch, 90}, of, domain::ForeignId::number(77), next.instrument, mode, 1, approved(next)};
  return command;
}

TEST_F(Orders, BothStepsOfACancelReplaceAreAnsweredEachForItself) {
  connect();
  command(replace_command(order(2), {epoch, 1}, domain::ReplaceMode::cancel_replace, now + 2s));
  EXPECT_EQ(last()["method"], "order.cancelReplace");
  EXPECT_EQ(last()["params"]["cancelOrderId"], 77);
  EXPECT_THAT(take_lines(), ElementsAre("cancel 1735579648-90 of 1735579648-1 sent @77 none 0",
                                        "place 1735579648-2 of 1735579648-2 sent @- none 0"));
  respond(last_id(),
          R"({"cancelResult":"SUCCESS","newOrderResult":"SUCCESS","cancelResponse":{"orderId":77},)"
          R"("newOrderResponse":{"symbol":"BTCUSDT","orderId":78}})");
  EXPECT_THAT(take_lines(),
              ElementsAre("cancel 1735579648-90 of 1735579648-1 acknowledged @77 none 0",
                          "place 1735579648-2 of 1735579648-2 acknowledged @78 none 0"));
}

struct HalfRow {
  const char* name;
  int status;
  int code;
  const char* data;
  const char* cancel;
  const char* place;
};
class OrdersHalf : public Orders, public ::testing::WithParamInterface<HalfRow> {};

TEST_P(OrdersHalf, IsReadAsWhatItIs) {
  const HalfRow& row = GetParam();
  connect();
  command(replace_command(order(2), {epoch, 1}, domain::ReplaceMode::cancel_replace, now + 2s));
  take_lines();
  refuse(last_id(), row.status, row.code, "words", row.data);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr(std::string{"cancel 1735579648-90 of "
                                                              "1735579648-1 "} +
                                                  row.cancel),
                                        HasSubstr(std::string{"place 1735579648-2 of "
                                                              "1735579648-2 "} +
                                                  row.place)));
}

INSTANTIATE_TEST_SUITE_P(
    CancelReplace, OrdersHalf,
    ::testing::Values(
        HalfRow{
            "cancel_failed", 400, -2022,
            R"({"cancelResult":"FAILURE","newOrderResult":"NOT_ATTEMPTED","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":null})",
            "refused @- venue_refused_unknown_order -2011", "refused @- venue_refused 0"},
        HalfRow{
            "new_failed", 409, -2021,
            R"({"cancelResult":"SUCCESS","newOrderResult":"FAILURE","cancelResponse":{"orderId":77},"newOrderResponse":{"code":-2010,"msg":"Account has insufficient balance for requested action."}})",
            "acknowledged @77", "refused @- venue_refused_funds -2010"},
        HalfRow{
            "a_live_order_inside_an_error", 409, -2021,
            R"({"cancelResult":"FAILURE","newOrderResult":"SUCCESS","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":{"orderId":79}})",
            "refused @- venue_refused_unknown_order -2011", "acknowledged @79"},
        HalfRow{
            "new_timed_out", 409, -2021,
            R"({"cancelResult":"SUCCESS","newOrderResult":"FAILURE","cancelResponse":{"orderId":77},"newOrderResponse":{"code":-1007,"msg":"Timeout"}})",
            "acknowledged @77", "unknown @- venue_outcome_unknown -1007"},
        HalfRow{"limit_of_orders", 429, -1015, "", "refused @77 venue_refused_rate_limit -1015",
                "refused @- venue_refused_rate_limit -1015"},
        HalfRow{
            "limit_but_canceled", 429, -1015,
            R"({"cancelResult":"SUCCESS","newOrderResult":"FAILURE","cancelResponse":{"orderId":77},"newOrderResponse":{"code":-1015,"msg":"Too many new orders."}})",
            "acknowledged @77", "refused @- venue_refused_rate_limit -1015"},
        HalfRow{"filter_before_both", 400, -1013, "", "refused @77 venue_refused_filter -1013",
                "refused @- venue_refused_filter -1013"},
        HalfRow{"time_out", 500, -1007, "", "unknown @77 venue_outcome_unknown -1007",
                "unknown @- venue_outcome_unknown -1007"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST_F(Orders, AnAmendHasOneOutcome) {
  connect();
  auto smaller = order(1);
  smaller.quantity = "0.2"_qty;
  command(replace_command(smaller, {epoch, 1}, domain::ReplaceMode::amend, now + 2s));
  EXPECT_EQ(last()["method"], "order.amend.keepPriority");
  EXPECT_EQ(last()["params"]["newQty"], "0.2");
  EXPECT_EQ(last()["params"]["newClientOrderId"], "alpha-main-1kq5p00-1");
  EXPECT_THAT(take_lines(), ElementsAre("replace 1735579648-90 of 1735579648-1 sent @77 none 0"));
  const std::uint64_t id = last_id();
  respond(id, R"({"transactTime":1,"executionId":16,"amendedOrder":{"orderId":77}})");
  EXPECT_THAT(take_lines(),
              ElementsAre("replace 1735579648-90 of 1735579648-1 acknowledged @77 none 0"));
  command(replace_command(smaller, {epoch, 1}, domain::ReplaceMode::amend, now + 2s));
  take_lines();
  refuse(last_id(), 400, -2038, "Order amend (quantity increase) is not supported.");
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("refused @77 venue_refused -2038")));
}

TEST_F(Orders, AnAmendedOrderIsReportedWithItsNewQuantity) {
  connect();
  frame(
      R"({"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT","c":"alpha-main-1kq5p00-1","S":"BUY","o":"LIMIT","f":"GTC","q":"0.20000000","p":"100.00000000","C":"alpha-main-1kq5p00-1","x":"REPLACED","X":"NEW","i":77,"z":"0.00000000","T":1723161255000,"I":901}})");
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("report 1735579648-1 @77 working")));
}

TEST_F(Orders, EachOrderOfAListIsAnsweredWithItsOwnId) {
  connect();
  auto up = order(1);
  auto down = order(2);
  up.limit_price = "110"_px;
  down.type = domain::OrderType::stop_limit;
  up.side = down.side = domain::Side::sell;
  down.limit_price = "90"_px;
  down.stop_price = "91"_px;
  up.group = down.group = up.id;
  domain::OrderCommand made;
  made.valid_until = now + 2s;
  domain::OrderList list;
  list.request = {epoch, 50};
  list.count = 2;
  list.orders[0] = approved(up);
  list.orders[1] = approved(down);
  made.what = list;
  command(made);
  EXPECT_EQ(last()["method"], "orderList.place.oco");
  EXPECT_THAT(take_lines(), ElementsAre("place 1735579648-1 of 1735579648-1 sent @- none 0",
                                        "place 1735579648-2 of 1735579648-2 sent @- none 0"));
  respond(
      last_id(),
      R"({"orderListId":3,"orders":[{"symbol":"BTCUSDT","orderId":11,"clientOrderId":"alpha-main-1kq5p00-2"},)"
      R"({"symbol":"BTCUSDT","orderId":12,"clientOrderId":"alpha-main-1kq5p00-1"}]})");
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-1 of 1735579648-1 acknowledged @12 none 0",
                          "place 1735579648-2 of 1735579648-2 acknowledged @11 none 0"));
}

TEST_F(Orders, ALostLineLeavesEveryOrderOfARequestUnknown) {
  connect();
  command(replace_command(order(2), {epoch, 1}, domain::ReplaceMode::cancel_replace, now + 2s));
  take_lines();
  closed();
  EXPECT_THAT(take_lines(),
              ElementsAre("cancel 1735579648-90 of 1735579648-1 unknown @77 connection_lost 0",
                          "place 1735579648-2 of 1735579648-2 unknown @- connection_lost 0",
                          "stream orders down connection_lost"));
}

// ---- Limits, clock ------------------------------------------------------------------------------

TEST_F(Orders, TheLastUnfilledOrdersAreKeptForThoseThatReduce) {
  // Given a limit of 20 in ten seconds, of which one is kept
  connect();
  const std::uint64_t id = place(1);
  frame(
      "{\"id\":" + std::to_string(id) + ",\"status\":200,\"result\":" + ack +
      R"(,"rateLimits":[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":20,"count":18}]})");
  take_lines();
  place(2);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("sent")));
  command(place_command(order(3)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- venue_refused_rate_limit")));
  auto exit = order(4);
  exit.side = domain::Side::sell;
  exit.reduce_only = true;
  command(place_command(exit));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("sent @- none")));
  // In the next window all of it is there again
  pass(10s);
  place(5);
  EXPECT_THAT(take_lines(), Contains(HasSubstr("1735579648-5 sent")));
}

TEST_F(Orders, G16_BeyondNinetyPercentOfTheWeightTheRestIsForCancels) {
  connect();
  const std::uint64_t id = place(1);
  frame(
      "{\"id\":" + std::to_string(id) + ",\"status\":200,\"result\":" + ack +
      R"(,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":5400}]})");
  take_lines();
  command(place_command(order(2)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- venue_refused_rate_limit")));
  EXPECT_NE(cancel(3, 1), 0U);
}

TEST_F(Orders, G20_AfterARefusedTimestampNoOrderGoesOutUntilTheClockIsMeasured) {
  connect();
  const std::uint64_t id = place(1);
  take_lines();
  refuse(id, 400, -1021, "Timestamp for this request is outside of the recvWindow.");
  EXPECT_EQ(last()["method"], "time");
  take_lines();
  command(place_command(order(2)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent @- missing_clock_offset")));
  command(place_command(order(2)));
  take_lines();
  // The measurement under way is answered
  measure(100ms);
  take_lines();
  place(3);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("1735579648-3 sent")));
}

// ---- REST beside the connection -----------------------------------------------------------------

class OrdersWithRest : public Orders {
 protected:
  OrdersWithRest() {
    const World world;
    OrderSettings settings;
    settings.symbols = std::make_shared<const Symbols>(world.symbols());
    settings.identity = world.identity();
    settings.endpoint = {"ws-api.test", 443, "/ws-api/v3", true};
    settings.api_key = "KEY";
    settings.signer =
        std::make_unique<Signer>(Ed25519Key::from_pem(documented_pem(), "documented"));
    settings.has_rest = true;
    settings.instruments = {world.btc_usdt};
    session = std::make_unique<OrderSession>(std::move(settings));
  }
  static constexpr const char* info =
      R"({"timezone":"UTC","serverTime":1,"exchangeFilters":[],"symbols":[{"symbol":"BTCUSDT","status":"TRADING",)"
      R"("orderTypes":["LIMIT","LIMIT_MAKER","MARKET","STOP_LOSS_LIMIT"],"ocoAllowed":false,"amendAllowed":false,)"
      R"("filters":[{"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"1.2","bidMultiplierDown":"0.5","askMultiplierUp":"2","askMultiplierDown":"0.8","avgPriceMins":5},)"
      R"({"filterType":"MAX_NUM_ORDERS","maxNumOrders":2},{"filterType":"MAX_NUM_ALGO_ORDERS","maxNumAlgoOrders":1}],)"
      R"("allowedSelfTradePreventionModes":["NONE","EXPIRE_MAKER"]}]})";
  void read_filters() {
    start();
    for (const auto& request : take_rest()) answer(request, 200, info);
    for (const auto& request : take_rest()) {
      ASSERT_THAT(request.target, HasSubstr("/api/v3/avgPrice?symbol=BTCUSDT"));
      answer(request, 200, R"({"mins":5,"price":"100.00000000","closeTime":1})");
    }
  }
};

TEST_F(OrdersWithRest, WhatAFilterWouldRefuseIsNotSent) {
  read_filters();
  connect();
  struct Row {
    const char* filter;
    std::function<void(domain::NewOrder&)> change;
  };
  const Row rows[] = {
      {"PERCENT_PRICE", [](domain::NewOrder& o) { o.limit_price = "49"_px; }},
      {"PERCENT_PRICE", [](domain::NewOrder& o) { o.limit_price = "121"_px; }},
      {"orderTypes",
       [](domain::NewOrder& o) {
         o.type = domain::OrderType::stop;
         o.limit_price = {};
         o.stop_price = "101"_px;
       }},
      {"allowedSelfTradePreventionModes",
       [](domain::NewOrder& o) { o.self_trade = domain::SelfTradeMode::decrement; }},
  };
  for (const Row& row : rows) {
    auto made = order(1);
    row.change(made);
    command(place_command(made));
    EXPECT_THAT(take_lines(),
                ElementsAre(HasSubstr(std::string{"venue_refused_filter 0 ["} + row.filter + "]")));
  }
  EXPECT_EQ(counter("orders_filtered"), std::size(rows));
  place(2);
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("1735579648-2 sent")));
}

TEST_F(OrdersWithRest, OpenOrdersAreCountedAgainstTheVenuesMost) {
  read_filters();
  connect();
  const auto report_of = [this](int id, const char* status) {
    frame(
        R"({"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT","c":"x","S":"BUY","o":"LIMIT","f":"GTC","q":"0.5","p":"100","C":"","x":"NEW","X":")" +
        std::string{status} + R"(","i":)" + std::to_string(id) + R"(,"z":"0","T":1,"I":1}})");
  };
  report_of(1, "NEW");
  place(1);
  report_of(2, "NEW");
  take_lines();
  command(place_command(order(2)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("[MAX_NUM_ORDERS]")));
  report_of(1, "EXPIRED");
  take_lines();
  command(place_command(order(3)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("1735579648-3 sent")));
}

TEST_F(OrdersWithRest, OpenListsAreCountedOnceEachAgainstTheVenuesMost) {
  std::string lists{info};
  lists.replace(lists.find("\"ocoAllowed\":false"), 18, "\"ocoAllowed\":true");
  lists.replace(lists.find("\"maxNumOrders\":2"), 16,
                R"("maxNumOrders":9},{"filterType":"MAX_NUM_ORDER_LISTS","maxNumOrderLists":1)");
  start();
  for (const auto& request : take_rest()) answer(request, 200, lists);
  connect();
  auto up = order(1);
  auto down = order(2);
  up.limit_price = "110"_px;
  down.type = domain::OrderType::stop_limit;
  up.side = down.side = domain::Side::sell;
  down.limit_price = "90"_px;
  down.stop_price = "91"_px;
  up.group = down.group = up.id;
  domain::OrderList list;
  list.count = 2;
  list.orders[0] = approved(up);
  list.orders[1] = approved(down);
  domain::OrderCommand made;
  made.valid_until = now + 1h;
  made.what = list;
  const auto leg = [this](int id, const char* status, int in_list) {
    frame(
        R"({"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT","c":"x","S":"SELL","o":"LIMIT","f":"GTC","q":"0.5","p":"100","C":"","x":"NEW","X":")" +
        std::string{status} + R"(","i":)" + std::to_string(id) + R"(,"z":"0","T":1,"I":1,"g":)" +
        std::to_string(in_list) + "}}");
    take_lines();
  };
  // Given one open order in no list, then both legs of list 0
  leg(1, "NEW", -1);
  command(made);
  EXPECT_THAT(take_lines(), Contains(HasSubstr("1735579648-1 sent")));
  leg(2, "NEW", 0);
  leg(3, "NEW", 0);
  command(made);
  EXPECT_THAT(take_lines(), Contains(HasSubstr("[MAX_NUM_ORDER_LISTS]")));
  // When the list has ended, the next one may go
  leg(2, "CANCELED", 0);
  leg(3, "CANCELED", 0);
  command(made);
  EXPECT_THAT(take_lines(), Contains(HasSubstr("1735579648-1 sent")));
}

TEST_F(OrdersWithRest, OneOrderMovesNoMoreOfAnAssetThanTheAccountMay) {
  read_filters();
  connect();
  // Given limits that are told in myFilters only
  pass(0s);
  ASSERT_EQ(last()["method"], "myFilters");
  EXPECT_EQ(last()["params"]["symbol"], "BTCUSDT");
  respond(
      last_id(),
      R"({"exchangeFilters":[],"symbolFilters":[],"assetFilters":[{"filterType":"MAX_ASSET","asset":"BTC","limit":"0.6"},{"filterType":"MAX_ASSET","asset":"USDT","limit":"55"}]})");
  take_lines();
  struct Row {
    const char* name;
    domain::Quantity quantity;
    domain::Price price;
    bool is_sent;
  };
  const Row rows[] = {{"just_at_both", "0.55"_qty, "100"_px, true},
                      {"above_the_base", "0.61"_qty, "80"_px, false},
                      {"above_the_quote", "0.55"_qty, "100.01"_px, false}};
  std::uint32_t counter_of_order = 0;
  for (const Row& row : rows) {
    auto made = order(++counter_of_order);
    made.quantity = row.quantity;
    made.limit_price = row.price;
    command(place_command(made));
    EXPECT_THAT(take_lines(), ElementsAre(HasSubstr(row.is_sent ? " sent" : "[MAX_ASSET]")))
        << row.name;
  }
}

TEST_F(OrdersWithRest, ARefusedFilterReadsTheFiltersAnewAtOnce) {
  read_filters();
  connect();
  now += 30s;
  live();
  take_lines();
  const std::uint64_t id = place(1);
  refuse(id, 400, -1013, "Filter failure: LOT_SIZE");
  EXPECT_EQ(counter("filter_misses"), 1U);
  pass(0s);
  auto requests = take_rest();
  ASSERT_THAT(requests,
              Contains(::testing::Field(&RestRequest::target, HasSubstr("exchangeInfo"))));
  take_lines();
  for (const auto& request : requests) {
    if (request.target.find("exchangeInfo") != std::string::npos) answer(request, 200, info);
  }
  // And the engine hears the rules as they are now
  EXPECT_THAT(take_lines(), ElementsAre(StartsWith("rules trading")));
}

TEST_F(OrdersWithRest, WhileTheConnectionIsDownCancelsAndQuestionsGoByRest) {
  // Given a session that knows the clock and has lost its line
  read_filters();
  connect();
  closed();
  take_lines();
  // When an order is canceled
  EXPECT_EQ(cancel(3, 1, domain::ForeignId::number(77)), 0U);
  auto requests = take_rest();
  ASSERT_THAT(requests, ::testing::SizeIs(1));
  EXPECT_EQ(requests[0].method, "DELETE");
  EXPECT_THAT(requests[0].target, StartsWith("/api/v3/order?newClientOrderId=alpha-main-1kq5p00-3&"
                                             "orderId=77&recvWindow=5000&symbol=BTCUSDT&"));
  EXPECT_THAT(requests[0].target, HasSubstr("&signature="));
  EXPECT_THAT(requests[0].headers,
              Contains(std::pair<std::string, std::string>{"X-MBX-APIKEY", "KEY"}));
  answer(requests[0], 200, ack);
  EXPECT_THAT(take_lines(),
              ElementsAre("cancel 1735579648-3 of 1735579648-1 sent @77 none 0",
                          "cancel 1735579648-3 of 1735579648-1 acknowledged @77 none 0"));
  // And a question is answered; a new order is not sent
  ask(domain::QueryKind::order_status, 4, [](auto& made) { made.order = {epoch, 1}; });
  requests = take_rest();
  ASSERT_THAT(requests, ::testing::SizeIs(1));
  answer(requests[0], 400, R"({"code":-2013,"msg":"Order does not exist."})");
  EXPECT_THAT(lines.back(), HasSubstr("not_found"));
  take_lines();
  command(place_command(order(5)));
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("not_sent_not_ready")));
}

TEST_F(OrdersWithRest, ARestCallThatFailsIsUnknown) {
  read_filters();
  connect();
  closed();
  cancel(3, 1, domain::ForeignId::number(77));
  const auto requests = take_rest();
  take_lines();
  answer(requests.at(0), 0, "");
  EXPECT_THAT(take_lines(), ElementsAre(HasSubstr("unknown @77 venue_outcome_unknown")));
}

// ---- A second connection takes the first one's place --------------------------------------------

class OrdersRollover : public Orders {
 protected:
  OrdersRollover() { session->allow_second(); }
  std::uint64_t last_second_id() const {
    return json::parse(sent_second.back())["id"].get<std::uint64_t>();
  }
  void respond_second(const std::string& result) {
    frame_second("{\"id\":" + std::to_string(last_second_id()) +
                 ",\"status\":200,\"result\":" + result + "}");
  }
  /// A day goes by; the venue pings, and answers how late it is.
  void pass_alive(domain::Duration time) {
    const domain::Timestamp end = now + time;
    while (now < end && seconds_opened == 0) {
      now += 20s;
      live();
      const std::size_t before = sent.size();
      pass(0s);
      for (std::size_t index = before; index < sent.size(); ++index) {
        const json request = json::parse(sent[index]);
        if (request["method"] != "time") continue;
        respond(request["id"].get<std::uint64_t>(),
                "{\"serverTime\":" + std::to_string(domain::to_unix_ms(now)) + "}");
      }
    }
  }
  /// The second connection is logged on and subscribed.
  void bring_up_second() {
    second_open();
    ASSERT_EQ(json::parse(sent_second.back())["method"], "session.logon");
    respond_second("{}");
    ASSERT_EQ(json::parse(sent_second.back())["method"], "userDataStream.subscribe");
    respond_second(R"({"subscriptionId":0})");
  }
  static constexpr const char* second_fill =
      R"({"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT","c":"alpha-main-1kq5p00-1","S":"BUY","o":"LIMIT","f":"GTC","q":"0.50000000","p":"100.00000000","C":"","x":"TRADE","X":"FILLED","i":77,"z":"0.50000000","T":1723161255000,"I":900,"t":5,"l":"0.50000000","L":"99.00000000","n":"0","N":null,"m":false}})";
};

TEST_F(OrdersRollover, BeforeADayIsOverASecondConnectionTakesThePlace) {
  connect();
  pass_alive(24h);
  // It is asked for between 22.5 and 23 hours
  ASSERT_EQ(seconds_opened, 1);
  bring_up_second();
  EXPECT_EQ(promotions, 1);
  EXPECT_EQ(reconnects, 0);
  // And the engine has heard of none of it
  for (const std::string& line : take_lines()) EXPECT_THAT(line, StartsWith("clock"));
  place(1);
  EXPECT_EQ(last()["method"], "order.place");
}

TEST_F(OrdersRollover, WhatTheFirstConnectionStillOwesIsWaitedFor) {
  // Given an order that has no answer when the venue announces a shutdown
  connect();
  const std::uint64_t id = place(1);
  take_lines();
  frame(R"({"event":{"e":"serverShutdown","E":1}})");
  ASSERT_EQ(seconds_opened, 1);
  bring_up_second();
  EXPECT_EQ(promotions, 0);
  // New requests go to the new connection already
  command(place_command(order(2)));
  EXPECT_THAT(sent_second.back(), HasSubstr("alpha-main-1kq5p00-2"));
  take_lines();
  // When the answer comes, the places change
  respond(id, ack);
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-1 of 1735579648-1 acknowledged @77 none 0"));
  EXPECT_EQ(promotions, 1);
  respond(last_second_id(), ack);
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-2 of 1735579648-2 acknowledged @77 none 0"));
}

TEST_F(OrdersRollover, AnEventOnBothConnectionsIsHeardOnce) {
  connect();
  place(1);
  frame(R"({"event":{"e":"serverShutdown","E":1}})");
  bring_up_second();
  take_lines();
  frame_second(second_fill);
  frame(second_fill);
  EXPECT_EQ(take_lines().size(), 2U);  // one fill and its report
  EXPECT_EQ(counter("events_repeated"), 1U);
}

TEST_F(OrdersRollover, TheEndOfTheFirstConnectionInTheOverlapIsNoEnd) {
  connect();
  place(1);
  frame(R"({"event":{"e":"serverShutdown","E":1}})");
  bring_up_second();
  take_lines();
  closed();
  EXPECT_EQ(promotions, 1);
  EXPECT_EQ(reconnects, 0);
  // What had no answer is unknown, and the stream is as ready as before
  EXPECT_THAT(take_lines(),
              ElementsAre("place 1735579648-1 of 1735579648-1 unknown @- connection_lost 0"));
}

TEST_F(OrdersRollover, ASecondConnectionThatFailsLeavesTheFirst) {
  connect();
  frame(R"({"event":{"e":"serverShutdown","E":1}})");
  second_closed();
  EXPECT_EQ(promotions, 0);
  EXPECT_THAT(take_lines(), IsEmpty());
  // It is tried again
  pass(1s);
  for (int times = 0; times < 3; ++times) {
    live();
    pass(20s);
  }
  EXPECT_EQ(seconds_opened, 2);
  second_open();
  frame_second("{\"id\":" + std::to_string(last_second_id()) +
               R"(,"status":401,"error":{"code":-2015,"msg":"Invalid API-key"}})");
  EXPECT_EQ(seconds_closed, 2);
  place(1);
  EXPECT_EQ(last()["method"], "order.place");
}

TEST_F(OrdersRollover, TheEndOfTheFirstBeforeTheSecondIsUpIsAReconnect) {
  connect();
  frame(R"({"event":{"e":"serverShutdown","E":1}})");
  second_open();
  closed();
  EXPECT_EQ(promotions, 0);
  EXPECT_EQ(seconds_closed, 1);
  EXPECT_EQ(reconnects, 1);
  EXPECT_EQ(lines.back(), "stream orders down connection_lost");
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
