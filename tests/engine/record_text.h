#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/record.h"

namespace halcyon::engine::testing {

/// Every field of a record and its text, on one line: equal lines, equal records.
std::string to_text(const domain::RecordEntry& entry);
std::vector<std::string> to_text(const std::vector<domain::RecordEntry>& entries);

}  // namespace halcyon::engine::testing
