// How much more than reading does decoding cost? Each message kind of Binance is decoded to events,
// and, in the same run and alternating, only walked: the same fields read by simdjson On-Demand as
// string views, nothing converted, nothing stored. The ratio is the figure; both are first proven
// to see the same message. Also counts what decoding and encoding allocate once warm: nothing.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <simdjson.h>
#include <time.h>

#include "domain/catalog.h"
#include "gateways/binance/decode.h"
#include "gateways/binance/encode.h"
#include "gateways/binance/symbols.h"

namespace {

std::size_t allocations = 0;

}  // namespace

// Not inlined: g++ would otherwise complain that `new` meets `free`.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace halcyon;
using namespace halcyon::gateways;
using namespace halcyon::gateways::binance;
namespace ondemand = simdjson::ondemand;

/// A frame with its padding.
class Text {
 public:
  explicit Text(std::string_view text) : size_(text.size()), bytes_(text) {
    bytes_.append(Frame::padding, '\0');
  }
  Frame frame() const {
    return {bytes_.data(), size_, true, domain::from_unix_ms(1'723'161'255'400)};
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::size_t size_;
  std::string bytes_;
};

/// What a bare walk has seen: the sum of the sizes of all fields, so that nothing is optimised away
/// and both sides can be compared.
struct Walk {
  ondemand::parser parser;
  std::size_t fields = 0;

  ondemand::document open(const Text& text) {
    ondemand::document document;
    if (parser.iterate(text.view().data(), text.view().size(), text.view().size() + Frame::padding)
            .get(document)) {
      std::abort();
    }
    return document;
  }
  void text(ondemand::object& object, std::string_view key) {
    std::string_view value;
    if (object.find_field(key).get_string().get(value)) std::abort();
    benchmark::DoNotOptimize(value);
    ++fields;
  }
  void token(ondemand::object& object, std::string_view key) {
    ondemand::value value;
    if (object.find_field(key).get(value)) std::abort();
    const std::string_view view = value.raw_json_token();
    benchmark::DoNotOptimize(view);
    ++fields;
  }
  void levels(ondemand::object& object, std::string_view key) {
    ondemand::array levels;
    if (object.find_field(key).get_array().get(levels)) std::abort();
    for (auto level : levels) {
      ondemand::array pair;
      if (level.get_array().get(pair)) std::abort();
      for (auto element : pair) {
        std::string_view value;
        if (element.get_string().get(value)) std::abort();
        benchmark::DoNotOptimize(value);
        ++fields;
      }
    }
  }
};

ondemand::object enter(ondemand::document& document, Walk& walk, std::string_view name,
                       std::string_view inner) {
  ondemand::object root;
  if (document.get_object().get(root)) std::abort();
  if (!name.empty()) walk.text(root, name);
  ondemand::object object;
  if (root.find_field(inner).get_object().get(object)) std::abort();
  return object;
}

void walk_trade(Walk& walk, const Text& text) {
  auto document = walk.open(text);
  auto data = enter(document, walk, "stream", "data");
  walk.text(data, "e");
  walk.text(data, "s");
  walk.token(data, "t");
  walk.text(data, "p");
  walk.text(data, "q");
  walk.token(data, "T");
  walk.token(data, "m");
}
void walk_quote(Walk& walk, const Text& text) {
  auto document = walk.open(text);
  auto data = enter(document, walk, "stream", "data");
  walk.token(data, "u");
  for (const char* key : {"s", "b", "B", "a", "A"}) walk.text(data, key);
}
void walk_depth(Walk& walk, const Text& text) {
  auto document = walk.open(text);
  auto data = enter(document, walk, "stream", "data");
  walk.text(data, "e");
  walk.token(data, "E");
  walk.text(data, "s");
  walk.token(data, "U");
  walk.token(data, "u");
  walk.levels(data, "b");
  walk.levels(data, "a");
}
void walk_report(Walk& walk, const Text& text) {
  auto document = walk.open(text);
  auto event = enter(document, walk, {}, "event");
  walk.text(event, "e");
  for (const char* key : {"s", "c", "S", "o", "f", "q", "p", "P", "C", "x", "X", "r"}) {
    walk.text(event, key);
  }
  walk.token(event, "i");
  for (const char* key : {"l", "z", "L", "n"}) walk.text(event, key);
  for (const char* key : {"N", "T", "t", "I", "m"}) walk.token(event, key);
  for (const char* key : {"Z", "Y"}) walk.text(event, key);
}
void walk_position(Walk& walk, const Text& text) {
  auto document = walk.open(text);
  auto event = enter(document, walk, {}, "event");
  walk.text(event, "e");
  walk.token(event, "u");
  ondemand::array rows;
  if (event.find_field("B").get_array().get(rows)) std::abort();
  for (auto item : rows) {
    ondemand::object row;
    if (item.get_object().get(row)) std::abort();
    for (const char* key : {"a", "f", "l"}) walk.text(row, key);
  }
}
void walk_response(Walk& walk, const Text& text) {
  auto document = walk.open(text);
  ondemand::object root;
  if (document.get_object().get(root)) std::abort();
  walk.token(root, "id");
  walk.token(root, "status");
  ondemand::object result;
  if (root.find_field("result").get_object().get(result)) std::abort();
  walk.token(result, "orderId");
  ondemand::array rates;
  if (root.find_field("rateLimits").get_array().get(rates)) std::abort();
  for (auto item : rates) {
    ondemand::object row;
    if (item.get_object().get(row)) std::abort();
    walk.text(row, "rateLimitType");
    walk.text(row, "interval");
    for (const char* key : {"intervalNum", "limit", "count"}) walk.token(row, key);
  }
}

std::string depth_frame(int levels) {
  std::string text =
      R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":50093239189,"u":50093239202)";
  for (const char* side : {"b", "a"}) {
    text += std::string{",\""} + side + "\":[";
    for (int level = 0; level < levels; ++level) {
      if (level > 0) text += ',';
      std::array<char, 64> row{};
      std::snprintf(row.data(), row.size(), "[\"%d.%02d000000\",\"%d.%05d000\"]", 61837 + level,
                    (level * 37) % 100, level % 7, (level * 7919) % 100000);
      text += row.data();
    }
    text += ']';
  }
  return text + "}}";
}

struct World {
  domain::Catalog catalog;
  Symbols symbols;
  Identity identity;

  static domain::Catalog make() {
    domain::Catalog catalog;
    const auto venue = catalog.venue("binance");
    catalog.asset("BNB", domain::AssetClass::crypto);
    catalog.instrument(venue, "BTC/USDT");
    catalog.instrument(venue, "BNB/USDT");
    return catalog;
  }
  World() : catalog(make()), symbols(catalog, *catalog.find_venue("binance")) {
    identity.account = domain::AccountId{0};
    identity.prefix = "alpha-main-";
  }
};

struct Case {
  const char* name;
  std::string text;
  void (*walk)(Walk&, const Text&);
  bool is_market;
};

std::vector<Case> cases() {
  return {
      {"trade",
       R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}})",
       walk_trade, true},
      {"bookTicker",
       R"({"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}})",
       walk_quote, true},
      {"depth 2+2", depth_frame(2), walk_depth, true},
      {"depth 20+20", depth_frame(20), walk_depth, true},
      {"depth 100+100", depth_frame(100), walk_depth, true},
      {"executionReport",
       R"({"subscriptionId":0,"event":{"e":"executionReport","E":1760946670457,"s":"BNBUSDT","c":"alpha-main-1krgpph-4t","S":"BUY","o":"LIMIT","f":"GTC","q":"0.00700000","p":"1125.22000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":9639329831,"l":"0.00700000","z":"0.00700000","L":"1125.22000000","n":"0.00000525","N":"BNB","T":1760946670456,"t":1251701408,"I":20702626656,"w":false,"m":true,"M":true,"O":1760946669042,"Z":"7.87654000","Y":"7.87654000","Q":"0.00000000","W":1760946669042,"V":"EXPIRE_MAKER"}})",
       walk_report, false},
      {"outboundAccountPosition",
       R"({"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1760946669043,"u":1760946669042,"B":[{"a":"BNB","f":"0.00000000","l":"0.00000000"},{"a":"USDT","f":"1.82939400","l":"7.87654000"}]}})",
       walk_position, false},
      {"order.place response",
       R"({"id":515,"status":200,"result":{"symbol":"BTCUSDT","orderId":12569099453,"orderListId":-1,"clientOrderId":"alpha-main-1krgpph-4t","transactTime":1660801715639},"rateLimits":[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":1},{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":160000,"count":1},{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":1}]})",
       walk_response, false},
  };
}

class Decoder {
 public:
  explicit Decoder(const World& world) : world_(world) {}

  void run(const Text& text, bool is_market) {
    events_.clear();
    remarks_.clear();
    DecodeError error = DecodeError::none;
    if (is_market) {
      MarketMessage message;
      error = decode_market(text.frame(), world_.symbols, scratch_, events_, message);
    } else {
      OrderMessage message;
      error = decode_order_frame(text.frame(), world_.symbols, world_.identity, scratch_,
                                 {events_, remarks_}, message);
      if (message.kind == OrderFrameKind::response) {
        domain::ForeignId id;
        if (decode_order_ack(message.response.result, scratch_, id) != DecodeError::none ||
            id.is_none()) {
          std::abort();
        }
      } else if (events_.empty()) {
        std::abort();
      }
    }
    if (error != DecodeError::none) std::abort();
    benchmark::DoNotOptimize(events_.data());
    benchmark::ClobberMemory();
  }
  std::size_t events() const { return events_.size(); }

 private:
  const World& world_;
  Scratch scratch_;
  std::vector<domain::Event> events_;
  std::vector<std::string> remarks_;
};

/// Processor time of this thread: what others do on the machine meanwhile is not ours.
double now_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void print_ratios() {
  const World world;
  for (const Case& one : cases()) {
    const Text text{one.text};
    Decoder decoder{world};
    Walk walk;
    for (int warm = 0; warm < 2000; ++warm) {
      decoder.run(text, one.is_market);
      one.walk(walk, text);
    }
    constexpr int rounds = 201;
    constexpr int runs = 500;
    std::vector<double> ratios, decode_ns, walk_ns;
    std::size_t in_decoding = 0;
    for (int round = 0; round < rounds; ++round) {
      const auto start = now_ns();
      const std::size_t allocated = allocations;
      for (int run = 0; run < runs; ++run) decoder.run(text, one.is_market);
      in_decoding += allocations - allocated;
      const auto middle = now_ns();
      for (int run = 0; run < runs; ++run) one.walk(walk, text);
      const auto end = now_ns();
      if (round == 0) continue;  // the vectors below grow
      decode_ns.push_back((middle - start) / runs);
      walk_ns.push_back((end - middle) / runs);
      ratios.push_back(decode_ns.back() / walk_ns.back());
    }
    std::printf(
        "decode %s: %.2fx bare walk (%.0f ns against %.0f ns, %zu bytes, %.3f allocations)\n",
        one.name, median(ratios), median(decode_ns), median(walk_ns), one.text.size(),
        static_cast<double>(in_decoding) / (rounds * runs));
  }
}

/// An encoder's request, written again and again.
void BM_encode_cancel(benchmark::State& state) {
  const World world;
  std::array<char, max_request_bytes> buffer{};
  RequestContext context;
  context.symbols = &world.symbols;
  context.client_id_prefix = world.identity.prefix;
  context.timestamp_ms = 1'723'161'255'343;
  domain::CancelRequest cancel;
  cancel.request = {1'723'161'255, 77};
  cancel.order = {1'723'161'255, 76};
  cancel.venue_order = domain::ForeignId::number(12'569'099'453);
  cancel.instrument = domain::InstrumentId{0};
  const std::size_t before = allocations;
  std::uint64_t id = 0;
  for (auto _ : state) {
    const Encoded encoded = encode_cancel(++id, cancel, context, buffer.data());
    benchmark::DoNotOptimize(encoded.end);
    benchmark::ClobberMemory();
  }
  state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before) /
                                                     static_cast<double>(state.iterations()));
}
BENCHMARK(BM_encode_cancel);

/// A limit order's request.
void BM_encode_place(benchmark::State& state) {
  const World world;
  std::array<char, max_request_bytes> buffer{};
  RequestContext context;
  context.symbols = &world.symbols;
  context.client_id_prefix = world.identity.prefix;
  context.timestamp_ms = 1'723'161'255'343;
  domain::NewOrder order;
  order.id = {1'723'161'255, 76};
  order.instrument = domain::InstrumentId{0};
  order.type = domain::OrderType::limit;
  order.quantity = *domain::parse<domain::Quantity>("0.02");
  order.limit_price = *domain::parse<domain::Price>("61837.63");
  const std::size_t before = allocations;
  std::uint64_t id = 0;
  for (auto _ : state) {
    const Encoded encoded = encode_place(++id, order, context, buffer.data());
    benchmark::DoNotOptimize(encoded.end);
    benchmark::ClobberMemory();
  }
  state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before) /
                                                     static_cast<double>(state.iterations()));
}
BENCHMARK(BM_encode_place);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  print_ratios();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
