#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "domain/client_order_id.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/encode.h"
#include "gateways/binance/market_session.h"
#include "gateways/binance/order_session.h"
#include "support.h"

// Once warm, no frame and no order asks for memory. This program counts every call of operator new.

namespace {

std::uint64_t allocations = 0;

}  // namespace

namespace {

// Not inlined: g++ would otherwise complain that `new` meets `free`.
[[gnu::noinline]] void* allocate(std::size_t size) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void release(void* memory) noexcept { std::free(memory); }
void* allocate_or_throw(std::size_t size) {
  if (void* memory = allocate(size)) return memory;
  throw std::bad_alloc{};
}

}  // namespace

// Every form that is used here or in simdjson: with a part of them only, sanitizers see memory that
// comes from one heap and goes back to another.
void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

namespace halcyon::gateways::binance::testing {
namespace {

constexpr int warm_up = 10;
constexpr int runs = 1'000;

/// Runs `work` until it is warm, and then counts what it allocates.
template <class Work>
std::uint64_t allocations_of(Work&& work) {
  for (int run = 0; run < warm_up; ++run) work();
  const std::uint64_t before = allocations;
  for (int run = 0; run < runs; ++run) work();
  return allocations - before;
}

TEST(Allocations, AreSeenByThisProgram) {
  EXPECT_GT(allocations_of([] { const std::vector<int> some(100); }), 0U);
}

std::string wide_depth(int levels) {
  std::string text =
      R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[)";
  for (int level = 0; level < levels; ++level) {
    text += (level > 0 ? "," : "") + std::string{"[\""} + std::to_string(60'000 + level) +
            ".10000000\",\"1.00000000\"]";
  }
  return text + R"(],"a":[]}})";
}

TEST(Allocations, NoMarketFrameMakesAnyOnTheWayOfTheVenueOrThroughTheParser) {
  const World world;
  const Symbols symbols = world.symbols();
  Scratch scratch;
  std::vector<domain::Event> events;
  for (const std::string& text :
       {*sample("combined_trade_real.json"), *sample("combined_bookTicker_real.json"),
        *sample("combined_depthUpdate_real.json"), *sample("combined_aggTrade_real.json"),
        wide_depth(1'076), std::string{R"({"stream":"btcusdt@trade","data":{"e":"trade"}})"},
        std::string{"not json"}}) {
    for (const std::string& one : {minified(text), " " + text}) {
      const Bytes bytes{one};
      MarketMessage message;
      EXPECT_EQ(allocations_of([&] {
                  events.clear();
                  decode_market(bytes.frame(), symbols, scratch, events, message);
                }),
                0U)
          << one.substr(0, 200);
    }
  }
}

const char* const own_report =
    R"({"subscriptionId":0,"event":{"e":"executionReport","E":1760946670457,"s":"BTCUSDT","c":"alpha-main-1kq5p00-1","S":"BUY","o":"LIMIT","f":"GTC","q":"0.00700000","p":"1125.22000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":9639329831,"l":"0.00700000","z":"0.00700000","L":"1125.22000000","n":"0.00000525","N":"BNB","T":1760946670456,"t":1251701408,"I":20702626656,"w":false,"m":true,"M":true,"O":1760946669042,"Z":"7.87654000","Y":"7.87654000","Q":"0.00000000"}})";

TEST(Allocations, NoPrivateFrameOfOurOwnOrdersMakesAny) {
  const World world;
  const Symbols symbols = world.symbols();
  const Identity identity = world.identity();
  Scratch scratch;
  std::vector<domain::Event> events;
  std::vector<std::string> remarks;
  for (const std::string& text :
       {std::string{own_report}, *sample("uds_outboundAccountPosition.json"),
        *sample("wsapi_order_place_ack.json"), *sample("wsapi_order_cancel_response.json"),
        *sample("error_wsapi_filter_1013.json")}) {
    for (const std::string& one : {minified(text), " " + text}) {
      const Bytes bytes{one};
      OrderMessage message;
      domain::ForeignId id;
      EXPECT_EQ(allocations_of([&] {
                  events.clear();
                  remarks.clear();
                  decode_order_frame(bytes.frame(), symbols, identity, scratch, {events, remarks},
                                     message);
                  if (!message.response.result.empty()) {
                    decode_order_ack(message.response.result, scratch, id);
                  }
                }),
                0U)
          << one.substr(0, 200);
    }
  }
}

TEST(Allocations, NoRequestMakesAnySignedOrNot) {
  const World world;
  const Symbols symbols = world.symbols();
  const Signer signer{HmacKey{"secret"}};
  std::array<char, max_request_bytes> buffer{};
  RequestContext context;
  context.symbols = &symbols;
  context.client_id_prefix = "alpha-main-";
  context.timestamp_ms = 1'645'423'376'532;
  domain::NewOrder order;
  order.id = {1'735'579'648, 1};
  order.instrument = world.btc_usdt;
  order.type = domain::OrderType::limit;
  order.quantity = *domain::parse<domain::Quantity>("0.5");
  order.limit_price = *domain::parse<domain::Price>("100.25");
  const domain::CancelRequest cancel{{1, 2}, order.id, {}, world.btc_usdt};
  const auto both = [&] {
    ASSERT_NE(encode_place(7, order, context, buffer.data()).end, nullptr);
    ASSERT_NE(encode_cancel(7, cancel, context, buffer.data()).end, nullptr);
  };
  EXPECT_EQ(allocations_of(both), 0U);
  context.signer = &signer;
  context.api_key = "KEY";
  EXPECT_EQ(allocations_of(both), 0U);
}

TEST(Allocations, ASyncedMarketSessionMakesNone) {
  // Given a session whose book is whole
  const World world;
  MarketSettings settings;
  settings.symbols = std::make_shared<const Symbols>(world.symbols());
  settings.instruments = {world.btc_usdt};
  MarketSession session{std::move(settings)};
  Actions actions;
  const domain::Timestamp now = domain::from_unix_ms(1'723'161'255'000);
  session.on_open(now, actions);
  std::uint64_t id = 1;
  const auto depth = [&id] {
    std::string text =
        R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":10000000,"u":10000000,"b":[["100.0","1.0"]],"a":[["101.0","2.0"]]}})";
    const std::string number = std::to_string(10'000'000 + id++);
    for (std::size_t at = text.find("10000000"); at != std::string::npos;
         at = text.find("10000000", at + 8)) {
      text.replace(at, 8, number);
    }
    return Bytes{text};
  };
  session.on_frame(depth().frame(now), actions);
  RestRequest request = actions.rest_requests().back();
  RestAnswer answer;
  answer.tag = request.tag;
  answer.status = 200;
  request.decode(request.context, Bytes{R"({"lastUpdateId":10000001,"bids":[],"asks":[]})"}.view(),
                 answer);
  session.on_rest(answer, now, actions);
  actions.clear();
  std::vector<Bytes> frames;
  frames.push_back(Bytes{*sample("combined_bookTicker_real.json")});
  for (int update = 0; update < warm_up + runs; ++update) frames.push_back(depth());
  // When a thousand updates and quotes come
  std::size_t next = 1;
  const std::uint64_t made = allocations_of([&] {
    session.on_frame(frames[next++].frame(now), actions);
    ASSERT_EQ(actions.events().size(), 1U);
    session.on_frame(frames[0].frame(now), actions);
    ASSERT_EQ(actions.events().size(), 2U);
    actions.clear();
  });
  // Then none of them asks for memory
  EXPECT_EQ(made, 0U);
}

TEST(Allocations, AReadyOrderSessionMakesNone) {
  const World world;
  OrderSettings settings;
  settings.symbols = std::make_shared<const Symbols>(world.symbols());
  settings.identity = world.identity();
  settings.api_key = "KEY";
  settings.signer = std::make_unique<Signer>(HmacKey{"secret"});
  OrderSession session{std::move(settings)};
  Actions actions;
  const domain::Timestamp now = domain::from_unix_ms(1'723'161'255'000);
  const auto answer = [&](std::string_view result) {
    const std::string request{actions.frame(actions.frame_count() - 1)};
    actions.clear();
    const std::string id = request.substr(6, request.find(',') - 6);
    session.on_frame(
        Bytes{"{\"id\":" + id + ",\"status\":200,\"result\":" + std::string{result} + "}"}.frame(
            now),
        actions);
  };
  session.on_open(now, actions);
  for (int time = 0; time < 3; ++time) answer(R"({"serverTime":1723161255000})");
  answer(R"({"subscriptionId":0})");
  actions.clear();
  domain::NewOrder order;
  order.id = {1'735'579'648, 1};
  order.account = world.account;
  order.instrument = world.btc_usdt;
  order.type = domain::OrderType::limit;
  order.quantity = *domain::parse<domain::Quantity>("0.5");
  order.limit_price = *domain::parse<domain::Price>("100.25");
  domain::OrderCommand place;
  place.what = approved(order);
  domain::OrderCommand cancel;
  cancel.what = domain::CancelRequest{{1'735'579'648, 2}, order.id, {}, world.btc_usdt};
  const Bytes report{own_report};
  std::string text;
  text.reserve(512 + Frame::padding);
  // An order goes out and is acknowledged, its fill comes, and so with a cancel
  const auto round = [&] {
    for (const auto* command : {&place, &cancel}) {
      session.on_command(*command, now, actions);
      const std::string_view request = actions.frame(0);
      text.assign("{\"id\":");
      text.append(request.substr(6, request.find(',') - 6));
      text.append(R"(,"status":200,"result":{"symbol":"BTCUSDT","orderId":77}})");
      const std::size_t size = text.size();
      text.append(Frame::padding, ' ');
      actions.clear();
      session.on_frame({text.data(), size, true, now}, actions);
      ASSERT_EQ(actions.events().size(), 1U);
      session.on_frame(report.frame(now), actions);
      ASSERT_EQ(actions.events().size(), 3U);
      actions.clear();
    }
  };
  EXPECT_EQ(allocations_of(round), 0U);
}

}  // namespace
}  // namespace halcyon::gateways::binance::testing
