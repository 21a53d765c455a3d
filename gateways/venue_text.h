#pragma once

#include <string_view>

#include "domain/ids.h"
#include "domain/time.h"

namespace halcyon::gateways {

// Ids and times as several venues write them.

/// A UUID in binary. Ids of another shape are known by a hash: they can be compared, but not be
/// printed. None for an empty text.
domain::ForeignId foreign_id(std::string_view text);
/// Whether `print_uuid` gives back what the venue said.
bool is_uuid(domain::ForeignId id);
/// Writes 36 characters and returns the end.
char* print_uuid(domain::ForeignId id, char* out);

/// RFC 3339 with 0 to 9 decimals, "Z" or an offset of at most 18 hours ("-04:00"). A year before
/// 1970 is "none": the epoch. False for anything else, and for the years after 2255.
bool read_rfc3339(std::string_view text, domain::Timestamp& out);
/// Writes 30 characters, nine decimals and "Z", and returns the end. For the years that are read.
char* print_rfc3339(domain::Timestamp time, char* out);

}  // namespace halcyon::gateways
