#include "daemon/venues.h"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "gateways/binance/binance.h"

namespace halcyon::daemon {}
