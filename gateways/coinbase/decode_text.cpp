#include <algorithm>
#include <array>
#include <bit>
#include <chrono>

#include "gateways/coinbase/decode.h"

namespace halcyon::gateways::coinbase {

namespace {

/// Where the dashes of a UUID stand.
constexpr bool is_dash(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }
constexpr std::size_t uuid_size = 36;

int hex_value(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

/// The two highest bits of a UUID's second half tell its variant; RFC 4122 has 10, a nil UUID 00,
/// and 11 is nobody's that we meet: it marks a hash.
constexpr std::uint64_t hash_mark = 0xE000000000000000ULL;

/// `count` digits at `at`; -1: they are none.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t end = at + count; at < end; ++at) {
    if (at >= text.size() || text[at] < '0' || text[at] > '9') return -1;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

}  // namespace

domain::ForeignId foreign_id(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() == uuid_size) {
    std::array<std::uint64_t, 2> halves{};
    std::size_t count = 0;
    bool is_good = true;
    for (std::size_t at = 0; at < uuid_size && is_good; ++at) {
      if (is_dash(at)) {
        is_good = text[at] == '-';
        continue;
      }
      const int value = hex_value(text[at]);
      is_good = value >= 0;
      auto& half = halves[count++ / 16];
      half = half << 4 | static_cast<unsigned>(value);
    }
    if (is_good && (halves[1] & hash_mark) != hash_mark) return {halves[0], halves[1]};
  }
  std::uint64_t high = text.size();
  std::uint64_t low = ~high;
  for (const char character : text) {
    high = domain::mix(high ^ static_cast<unsigned char>(character));
    low = domain::mix(low + high);
  }
  return {high, (low | hash_mark) & ~std::uint64_t{1}};  // never all ones, which is none
}

bool is_uuid(domain::ForeignId id) { return (id.low & hash_mark) != hash_mark; }

char* print_uuid(domain::ForeignId id, char* out) {
  constexpr std::string_view hex = "0123456789abcdef";
  for (std::size_t at = 0, digit = 0; at < uuid_size; ++at) {
    if (is_dash(at)) {
      *out++ = '-';
      continue;
    }
    const std::uint64_t half = digit < 16 ? id.high : id.low;
    *out++ = hex[half >> (60 - 4 * (digit++ % 16)) & 15U];
  }
  return out;
}

bool read_rfc3339(std::string_view text, domain::Timestamp& out) {
  using namespace std::chrono;
  if (text.size() < 20 || text.size() > 30 || text.back() != 'Z') return false;
  const int year = digits(text, 0, 4);
  const int month = digits(text, 5, 2);
  const int day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (std::min({year, month, day, hour, minute, second}) < 0 || text[4] != '-' || text[7] != '-' ||
      text[10] != 'T' || text[13] != ':' || text[16] != ':' || hour > 23 || minute > 59 ||
      second > 60) {
    return false;
  }
  std::int64_t parts = 0;
  if (text.size() > 20) {
    const std::size_t count = text.size() - 21;
    if (text[19] != '.' || count == 0 || count > 9) return false;
    parts = digits(text, 20, count);
    if (parts < 0) return false;
    for (std::size_t at = count; at < 9; ++at) parts *= 10;
  }
  const year_month_day date{std::chrono::year{year},
                            std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return false;
  out = {};
  if (year < 1970) return true;
  if (year > 2255) return false;
  out = domain::Timestamp{sys_days{date}} + hours{hour} + minutes{minute} + seconds{second} +
        nanoseconds{parts};
  return true;
}

void Message::clear() {
  channel = Channel::none;
  has_sequence = false;
  sequence = 0;
  venue_time = {};
  books.clear();
  is_trade_snapshot = has_user_snapshot = false;
  orders.clear();
  candles.clear();
  products.clear();
  subscribed = 0;
  heartbeat = 0;
  text = {};
  unknown_products = unknown_words = levels_cut = 0;
}

}  // namespace halcyon::gateways::coinbase
