#include "config/secrets.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace halcyon::config {

std::string resolve_secret_file(std::string_view account, std::string_view key,
                                std::string_view configured) {
  if (!configured.empty()) return std::string{configured};
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || *directory == '\0') return {};
  const std::string own = std::string{account} + "." + std::string{key};
  for (const std::string& name : {own, std::string{key}}) {
    const std::filesystem::path file = std::filesystem::path{directory} / name;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored)) return file.string();
  }
  return {};
}

}  // namespace halcyon::config
