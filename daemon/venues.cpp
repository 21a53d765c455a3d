#include "daemon/venues.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "gateways/binance/binance.h"

namespace halcyon::daemon {
}
