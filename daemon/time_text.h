#pragma once

#include <string>

#include "domain/time.h"

namespace halcyon::daemon {

/// RFC 3339 in UTC with nanoseconds: "2024-08-08T09:11:02.123456789Z".
std::string rfc3339(domain::Timestamp time);

/// RFC 9110 section 5.6.7, for the Date header: "Thu, 08 Aug 2024 09:11:02 GMT".
std::string http_date(domain::Timestamp time);

}  // namespace halcyon::daemon
