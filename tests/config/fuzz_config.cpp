// Whatever the bytes are, the reader answers with a configuration or with words, and what it
// accepts holds what config.h promises.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "config/reader.h"
#include "domain/check.h"
#include "domain/client_order_id.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace halcyon;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are text
  const config::Reading reading =
      config::read_text({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&reading)) {
    HALCYON_CHECK(!problems->empty(), "a refusal says why");
    for (const config::Problem& problem : *problems) {
      HALCYON_CHECK(problem.text().find('\n') == std::string::npos, "a problem is one line");
    }
    return 0;
  }
  const auto& config = std::get<config::Config>(reading);
  HALCYON_CHECK(!config.daemon.name.empty(), "a daemon has a name");
  for (const config::Account& account : config.accounts) {
    HALCYON_CHECK(
        config.daemon.name.size() + account.name.size() <= domain::max_names_in_client_order_id,
        "names fit a client order id");
  }
  for (const config::Strategy& strategy : config.strategies) {
    HALCYON_CHECK(strategy.capital.is_positive(), "a strategy has capital");
    for (const std::string& instrument : strategy.instruments) {
      HALCYON_CHECK(config::find_venue(config, instrument) != nullptr, "an instrument has a venue");
    }
  }
  HALCYON_CHECK(config.risk.daemon.max_order_notional.has_value(), "the daemon has limits");
  config::not_served_yet(config);
  return 0;
}
