#include "gateways/venue_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace halcyon::gateways {

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
  constexpr std::size_t shortest = 19;  // up to the seconds
  if (text.size() <= shortest || text.size() > 35) return false;
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
  text.remove_prefix(shortest);
  std::int64_t parts = 0;
  if (text.front() == '.') {
    text.remove_prefix(1);
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    if (count == 0 || count > 9) return false;
    parts = digits(text, 0, count);
    for (std::size_t at = count; at < 9; ++at) parts *= 10;
    text.remove_prefix(count);
  }
  std::chrono::minutes offset{};
  if (text.size() == 6 && (text[0] == '-' || text[0] == '+') && text[3] == ':') {
    const int hours_off = digits(text, 1, 2);
    const int minutes_off = digits(text, 4, 2);
    if (hours_off < 0 || hours_off > 18 || minutes_off < 0 || minutes_off > 59) return false;
    offset = std::chrono::hours{hours_off} + std::chrono::minutes{minutes_off};
    if (text[0] == '-') offset = -offset;
  } else if (text != "Z") {
    return false;
  }
  const year_month_day date{std::chrono::year{year},
                            std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return false;
  out = {};
  if (year < 1970) return true;
  if (year > 2255) return false;
  out = domain::Timestamp{sys_days{date}} + hours{hour} + minutes{minute} + seconds{second} +
        nanoseconds{parts} - offset;
  return true;
}

char* print_rfc3339(domain::Timestamp time, char* out) {
  using namespace std::chrono;
  const auto days = floor<std::chrono::days>(time);
  const year_month_day date{days};
  const hh_mm_ss clock{time - days};
  const auto print = [&out](std::int64_t value, int count, char behind) {
    for (int at = count - 1; at >= 0; --at, value /= 10) {
      out[at] = static_cast<char>('0' + value % 10);
    }
    out += count;
    *out++ = behind;
  };
  print(int{date.year()}, 4, '-');
  print(unsigned{date.month()}, 2, '-');
  print(unsigned{date.day()}, 2, 'T');
  print(clock.hours().count(), 2, ':');
  print(clock.minutes().count(), 2, ':');
  print(clock.seconds().count(), 2, '.');
  print(clock.subseconds().count(), 9, 'Z');
  return out;
}

}  // namespace halcyon::gateways
