#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace halcyon::config {

/// One thing that is wrong with a configuration.
struct Problem {
  std::string file;
  std::uint32_t line = 0;  ///< from 1; 0: the whole file
  std::string key;         ///< with its tables: "risk.max_open_orders"; empty: the whole file
  std::string value;       ///< as written; empty: not there
  std::string what;        ///< what is wrong, and the mend

  /// `halcyon.toml:41: risk.max_open_orders = 0: must be 1 to 10000; leave it out for 50, ...`
  std::string text() const;
};

/// A configuration in which everything is checked and filled in, or all that is wrong with it, in
/// the order of the file.
using Reading = std::variant<Config, std::vector<Problem>>;

/// Reads a file. Never throws for what the file says, or for a file that is not there.
Reading read(const std::filesystem::path& file);

/// The same for a text; `name` is what problems call it.
Reading read_text(std::string_view text, std::string_view name);

/// The commented example with every setting: its meaning, bounds and default. The committed
/// halcyon.example.toml is this text.
std::string example();

}  // namespace halcyon::config
