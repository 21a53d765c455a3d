// Any bytes on the HTTP port: read, refused, or waited for; never more used than there is.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/http_request.h"
#include "domain/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  for (;;) {
    const auto parse = halcyon::daemon::parse_http(text);
    HALCYON_CHECK(parse.used <= text.size(), "no more is used than there is");
    HALCYON_CHECK(parse.status == 0 || parse.used == 0, "a refused request uses nothing");
    if (parse.used == 0) return 0;
    HALCYON_CHECK(parse.request.path.front() == '/', "a path starts with a slash");
    text.remove_prefix(parse.used);
  }
}
