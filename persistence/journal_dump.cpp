#include "persistence/journal_dump.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "domain/client_order_id.h"
#include "domain/enum_name.h"
#include "persistence/fields.h"
#include "persistence/segment.h"
#include "persistence/snapshot.h"

namespace halcyon::persistence {

namespace {

/// How many bytes the UTF-8 character at the front has; 0 when it is none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&text](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (std::size_t index = 1; index < size; ++index) {
    if ((byte(index) & 0xC0U) != 0x80U) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
      (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return size;
}

void add_text(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    const char first = text.front();
    if (size == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    if (first == '"' || first == '\\') {
      out += '\\';
      out += first;
    } else if (first == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(first) < 0x20 || first == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(first));
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  out += '"';
}

/// "2024-08-08T12:34:56.123456789Z"; quoted.
void add_time(std::string& out, domain::Timestamp time) {
  if (time == domain::never) {
    out += "null";
    return;
  }
  // By division alone: any 64 bits may stand in a frame, and a product could overflow.
  std::int64_t nanoseconds = domain::to_unix_ns(time) % 1'000'000'000;
  std::int64_t seconds = domain::to_unix_ns(time) / 1'000'000'000;
  if (nanoseconds < 0) {
    nanoseconds += 1'000'000'000;
    --seconds;
  }
  const std::chrono::sys_seconds whole{std::chrono::seconds{seconds}};
  const auto days = std::chrono::floor<std::chrono::days>(whole);
  const std::chrono::year_month_day date{days};
  const std::chrono::hh_mm_ss clock{whole - days};
  fmt::format_to(std::back_inserter(out), "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z\"",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                 clock.seconds().count(), nanoseconds);
}

template <class T>
inline constexpr bool is_decimal = false;
template <class Kind>
inline constexpr bool is_decimal<domain::Decimal<Kind>> = true;

template <class T>
void add_members(std::string& out, const T& value, bool& is_first);

void add_key(std::string& out, std::string_view name, bool& is_first) {
  if (!is_first) out += ',';
  is_first = false;
  out += '"';
  out += name;
  out += "\":";
}

template <class T>
void add(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    if constexpr (sizeof(T) == 1) {
      out += '"';
      out += domain::enum_name(value);
      out += '"';
    } else if (value == domain::no<T>) {
      out += "null";
    } else {
      fmt::format_to(std::back_inserter(out), "{}", domain::index_of(value));
    }
  } else if constexpr (std::is_integral_v<T>) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else if constexpr (is_decimal<T>) {
    out += '"';
    out += domain::to_string(value);
    out += '"';
  } else if constexpr (std::is_same_v<T, domain::Timestamp>) {
    add_time(out, value);
  } else if constexpr (std::is_same_v<T, domain::Duration>) {
    fmt::format_to(std::back_inserter(out), "{}", value.count());
  } else if constexpr (std::is_same_v<T, domain::OrderId>) {
    // As at the venue, without the names before it.
    if (value.is_none()) {
      out += "null";
    } else {
      std::array<char, domain::max_client_order_id> text{};
      const char* end = domain::print_client_order_id("", value, text.data());
      out += '"';
      out.append(text.data(), static_cast<std::size_t>(end - text.data()));
      out += '"';
    }
  } else if constexpr (std::is_same_v<T, domain::ForeignId>) {
    if (value.is_none()) {
      out += "null";
    } else if (value.high == 0) {
      fmt::format_to(std::back_inserter(out), "\"{}\"", value.low);
    } else {
      fmt::format_to(std::back_inserter(out), "\"{:08x}-{:04x}-{:04x}-{:04x}-{:012x}\"",
                     value.high >> 32, (value.high >> 16) & 0xFFFF, value.high & 0xFFFF,
                     value.low >> 48, value.low & 0xFFFFFFFFFFFF);
    }
  } else if constexpr (detail::IsArray<T>::value) {
    if constexpr (std::is_same_v<typename T::value_type, std::uint8_t>) {
      out += '"';
      for (const std::uint8_t byte : value) {
        fmt::format_to(std::back_inserter(out), "{:02x}", byte);
      }
      out += '"';
    } else {
      out += '[';
      for (std::size_t index = 0; index < value.size(); ++index) {
        if (index != 0) out += ',';
        add(out, value[index]);
      }
      out += ']';
    }
  } else if constexpr (detail::IsVariant<T>::value) {
    std::visit(
        [&out](const auto& choice) {
          bool is_first = true;
          out += '{';
          add_key(out, table<std::decay_t<decltype(choice)>>.name, is_first);
          add(out, choice);
          out += '}';
        },
        value);
  } else {
    bool is_first = true;
    out += '{';
    add_members(out, value, is_first);
    out += '}';
  }
}

template <class T>
void add_members(std::string& out, const T& value, bool& is_first) {
  each_field<T>([&](std::string_view name, auto member) {
    add_key(out, name, is_first);
    add(out, value.*member);
  });
}

template <class... T>
constexpr auto names_of(std::type_identity<std::variant<T...>>) {
  return std::array{table<T>.name...};
}
constexpr auto input_names = names_of(std::type_identity<domain::Event::What>{});

}  // namespace

std::string dump_json(const FrameView& frame) {
  std::string out;
  bool is_first = true;
  const auto add_field = [&](std::string_view name, const auto& value) {
    add_key(out, name, is_first);
    add(out, value);
  };
  out += '{';
  add_field("sequence", frame.sequence);
  add_field("received", frame.received);
  if (frame.is_dictionary) {
    add_field("dictionary", true);
  } else {
    add_field("event", frame.input.sequence);
    if (frame.input.venue_time != domain::Timestamp{}) {
      add_field("venue_time", frame.input.venue_time);
    }
    if (frame.input.instrument != domain::no<domain::InstrumentId>) {
      add_field("instrument", frame.input.instrument);
    }
    if (frame.input.account != domain::no<domain::AccountId>) {
      add_field("account", frame.input.account);
    }
    if (frame.input.venue != domain::no<domain::VenueId>) add_field("venue", frame.input.venue);
    if (frame.has_input) {
      add_field("input", frame.input.what);
    } else {
      add_key(out, "decided_by", is_first);
      add_text(out, frame.input_type < input_names.size() ? input_names[frame.input_type] : "?");
    }
    if (!frame.remark.empty()) {
      add_key(out, "remark", is_first);
      add_text(out, frame.remark);
    }
  }
  add_key(out, "records", is_first);
  out += '[';
  bool is_first_record = true;
  for (const domain::RecordEntry& entry : frame.records) {
    if (!is_first_record) out += ',';
    is_first_record = false;
    std::visit(
        [&](const auto& record) {
          bool is_first_member = true;
          out += '{';
          add_key(out, "record", is_first_member);
          add_text(out, table<std::decay_t<decltype(record)>>.name);
          add_members(out, record, is_first_member);
          if (!entry.text.empty()) {
            add_key(out, "text", is_first_member);
            add_text(out, entry.text);
          }
          out += '}';
        },
        entry.record);
  }
  out += "]}";
  return out;
}

std::string to_string(const JournalUuid& uuid) {
  std::string text;
  for (std::size_t index = 0; index < uuid.bytes.size(); ++index) {
    if (index == 4 || index == 6 || index == 8 || index == 10) text += '-';
    fmt::format_to(std::back_inserter(text), "{:02x}", uuid.bytes[index]);
  }
  return text;
}

namespace {

void verify_snapshots(const std::string& directory, Verified& verified) {
  for (const SnapshotFile& file : list_snapshots(directory)) {
    std::string words;
    if (load_fitting_snapshot(directory, file, words) == nullptr) {
      verified.refused_snapshots.push_back(words);
      continue;
    }
    ++verified.snapshots;
    verified.snapshot_sequence = std::max(verified.snapshot_sequence, file.sequence);
  }
}

}  // namespace

Verified verify(const std::string& directory) {
  Verified verified;
  std::uint64_t records = 0;
  try {
    const SegmentList segments = list_segments(directory);
    if (!segments.files.empty()) verify_snapshots(directory, verified);
    // What was removed must be in a snapshot; all that is left is read.
    std::uint64_t removed = segments.files.empty() ? 0 : segments.files.front().first_sequence - 1;
    if (removed > verified.snapshot_sequence) removed = 0;
    const Walk found = walk(
        directory,
        [&records](const FrameView& frame) {
          if (!frame.is_dictionary) records += frame.records.size();
        },
        removed);
    if (found.segments == 0) {
      verified.damage = directory + ": there is no journal in this directory";
      return verified;
    }
    verified.uuid = found.uuid;
    verified.segments = found.segments;
    verified.frames = found.frames;
    verified.records = records;
    verified.first_sequence = found.first_sequence;
    verified.last_sequence = found.last_sequence;
    verified.tail_bytes = found.dirty_end - found.end;
  } catch (const JournalError& error) {
    verified.damage = error.what();
  }
  return verified;
}

}  // namespace halcyon::persistence
