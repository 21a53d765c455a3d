#include "domain/credential.h"

#include <algorithm>
#include <charconv>

#include "domain/enum_name.h"

namespace halcyon::domain {

namespace {

/// What comes before the next blank; the rest stays in `line`.
std::string_view next_word(std::string_view& line) {
  const std::size_t blank = line.find(' ');
  const std::string_view word = line.substr(0, blank);
  line.remove_prefix(blank == std::string_view::npos ? line.size() : blank + 1);
  return word;
}

bool is_printable(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

bool is_credential_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_credential_name &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

std::string print(const SealedCredential& credential) {
  std::string line{credential.name};
  line.append(" ").append(enum_name(credential.part));
  line.append(" ").append(std::to_string(credential.key_version));
  line.append(" ").append(credential.prefix.empty() ? "-" : credential.prefix);
  return line.append(" ").append(credential.sealed);
}

std::optional<SealedCredential> parse_credential(std::string_view line) {
  SealedCredential credential;
  credential.name = next_word(line);
  const auto part = enum_parse<CredentialPart>(next_word(line));
  const std::string_view version = next_word(line);
  credential.prefix = next_word(line);
  credential.sealed = line;
  const char* const end = version.data() + version.size();
  const auto read = std::from_chars(version.data(), end, credential.key_version);
  if (!part || version.empty() || read.ec != std::errc{} || read.ptr != end ||
      !is_credential_name(credential.name) || !is_printable(credential.prefix) ||
      !is_printable(credential.sealed)) {
    return std::nullopt;
  }
  credential.part = *part;
  if (credential.prefix == "-") credential.prefix = {};
  return credential;
}

}  // namespace halcyon::domain
