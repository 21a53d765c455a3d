// Any line on the admin socket: the methods read it or refuse it, and answer with one line of JSON.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "config/config.h"
#include "daemon/admin_methods.h"
#include "daemon/json_rpc.h"
#include "daemon/read_model.h"
#include "domain/check.h"

namespace {

using namespace halcyon;

daemon::AdminHooks hooks() {
  daemon::AdminHooks hooks;
  hooks.submit = [](const domain::Event&, std::string_view) { return true; };
  return hooks;
}

struct Bench {
  Bench() {
    config.daemon.name = "alpha";
    domain::Catalog catalog;
    const auto venue = catalog.venue("binance");
    catalog.account("main", venue);
    catalog.strategy("cross");
    catalog.instrument(venue, "BTC/USDT");
    domain::NewOrder order;
    order.id = {1, 1};
    order.account = domain::AccountId{0};
    order.instrument = domain::InstrumentId{0};
    persistence::FrameView frame;
    catalog.each([&](const domain::Named& named, std::string_view text) {
      const domain::RecordEntry entry{named, text};
      frame.records = {&entry, 1};
      model.apply(frame);
    });
    const domain::RecordEntry entry{domain::OrderOpened{order}, ""};
    frame.records = {&entry, 1};
    model.apply(frame);
  }

  config::Config config;
  daemon::ReadModel model{"alpha"};
  daemon::AdminMethods methods{config, model, hooks(), {}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Bench bench;
  const std::string_view line{reinterpret_cast<const char*>(data), size};
  const daemon::Caller caller{daemon::Role::admin, 0};
  daemon::Reply reply = bench.methods.handle(line, caller, {});
  if (reply.waiting) {
    const auto late = bench.methods.finish(*reply.waiting, domain::never);
    HALCYON_CHECK(late.has_value(), "a command out of time is answered");
    reply.line = *late;
  }
  if (!reply.line.empty()) {
    const auto answer = nlohmann::json::parse(reply.line, nullptr, false);
    HALCYON_CHECK(answer.is_object() && answer.contains("result") != answer.contains("error"),
                  "an answer is a result or an error");
    HALCYON_CHECK(reply.line.find('\n') == reply.line.size() - 1, "an answer is one line");
  }
  return 0;
}
