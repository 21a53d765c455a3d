#include "persistence/encoding.h"

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "domain/check.h"
#include "domain/enum_name.h"
#include "persistence/crc32c.h"
#include "persistence/fields.h"

namespace halcyon::persistence {

namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian and values are copied as they stand");

constexpr std::size_t input_header_bytes = 28;
constexpr std::size_t record_header_bytes = 10;
constexpr std::size_t captured_header_bytes = 14;
constexpr std::uint8_t flag_has_body = 1;

template <class T>
inline constexpr bool is_decimal = false;
template <class Kind>
inline constexpr bool is_decimal<domain::Decimal<Kind>> = true;

template <class T>
inline constexpr bool is_byte_array = false;
template <std::size_t size>
inline constexpr bool is_byte_array<std::array<std::uint8_t, size>> = true;

// ---- Sizes --------------------------------------------------------------------------------------

template <class T>
constexpr std::size_t members_bytes(const T& value);

template <class T>
constexpr std::size_t bytes_of(const T& value) {
  if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
    return sizeof(T);
  } else if constexpr (is_decimal<T>) {
    return sizeof(typename T::Raw);
  } else if constexpr (std::is_same_v<T, domain::Timestamp> ||
                       std::is_same_v<T, domain::Duration>) {
    return sizeof(std::int64_t);
  } else if constexpr (detail::IsArray<T>::value) {
    return 2 + value.size() * bytes_of(value[0]);
  } else if constexpr (detail::IsVariant<T>::value) {
    return 3 + std::visit([](const auto& choice) { return members_bytes(choice); }, value);
  } else if constexpr (is_settled<T>) {
    return members_bytes(value);
  } else {
    return 2 + members_bytes(value);
  }
}

template <class T>
constexpr std::size_t members_bytes(const T& value) {
  std::size_t sum = 0;
  each_field<T>([&](std::string_view, auto member) { sum += bytes_of(value.*member); });
  return sum;
}

/// A record's size depends on its type alone.
template <class... T>
constexpr auto sizes_of(std::type_identity<std::variant<T...>>) {
  return std::array{static_cast<std::uint16_t>(members_bytes(T{}))...};
}
constexpr auto body_sizes = sizes_of(std::type_identity<domain::Record>{});

// ---- Writing ------------------------------------------------------------------------------------

template <class T>
void put_raw(std::uint8_t*& out, T value) {
  std::memcpy(out, &value, sizeof value);
  out += sizeof value;
}

void put_bytes(std::uint8_t*& out, const void* from, std::size_t size) {
  if (size != 0) std::memcpy(out, from, size);
  out += size;
}

template <class T>
void put_members(std::uint8_t*& out, const T& value);

template <class T>
void put(std::uint8_t*& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    put_raw(out, static_cast<std::uint8_t>(value ? 1 : 0));
  } else if constexpr (std::is_enum_v<T>) {
    put_raw(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_integral_v<T>) {
    put_raw(out, value);
  } else if constexpr (is_decimal<T>) {
    if constexpr (sizeof(typename T::Raw) == 8) {
      put_raw(out, value.raw());
    } else {
      const auto raw = static_cast<domain::Uint128>(value.raw());
      put_raw(out, static_cast<std::uint64_t>(raw));
      put_raw(out, static_cast<std::uint64_t>(raw >> 64));
    }
  } else if constexpr (std::is_same_v<T, domain::Timestamp>) {
    put_raw(out, domain::to_unix_ns(value));
  } else if constexpr (std::is_same_v<T, domain::Duration>) {
    put_raw(out, static_cast<std::int64_t>(value.count()));
  } else if constexpr (is_byte_array<T>) {
    put_raw(out, static_cast<std::uint16_t>(value.size()));
    put_bytes(out, value.data(), value.size());
  } else if constexpr (detail::IsArray<T>::value) {
    put_raw(out, static_cast<std::uint16_t>(value.size()));
    for (const auto& element : value) put(out, element);
  } else if constexpr (detail::IsVariant<T>::value) {
    put_raw(out, static_cast<std::uint8_t>(value.index()));
    std::visit(
        [&out](const auto& choice) {
          put_raw(out, static_cast<std::uint16_t>(members_bytes(choice)));
          put_members(out, choice);
        },
        value);
  } else if constexpr (is_settled<T>) {
    put_members(out, value);
  } else {
    put_raw(out, static_cast<std::uint16_t>(members_bytes(value)));
    put_members(out, value);
  }
}

template <class T>
void put_members(std::uint8_t*& out, const T& value) {
  each_field<T>([&](std::string_view, auto member) { put(out, value.*member); });
}

bool has_body(const domain::Event& input) { return !domain::is_market(input); }

std::size_t input_bytes(const domain::Event& input) {
  if (!has_body(input)) return input_header_bytes;
  return input_header_bytes +
         std::visit([](const auto& what) { return members_bytes(what); }, input.what);
}

std::uint8_t* put_frame_header(std::uint8_t* out, const FrameHead& head, FrameKind kind,
                               std::uint8_t flags, std::size_t input, std::size_t remark,
                               std::size_t records) {
  out += 8;  // the length and the CRC come last
  put_raw(out, head.sequence);
  put_raw(out, domain::to_unix_ns(head.received));
  put_raw(out, head.durable);
  put_raw(out, static_cast<std::uint8_t>(kind));
  put_raw(out, flags);
  put_raw(out, static_cast<std::uint16_t>(input));
  put_raw(out, static_cast<std::uint32_t>(remark));
  put_raw(out, static_cast<std::uint32_t>(records));
  put_raw(out, std::uint32_t{0});
  return out;
}

void put_input(std::uint8_t*& at, const domain::Event& input, bool body) {
  put_raw(at, input.sequence);
  put_raw(at, domain::to_unix_ns(input.venue_time));
  put(at, input.instrument);
  put(at, input.account);
  put(at, input.venue);
  put_raw(at, static_cast<std::uint16_t>(input.what.index()));
  std::visit(
      [&](const auto& what) {
        using T = std::decay_t<decltype(what)>;
        put_raw(at, table<T>.version);
        put_raw(at, std::uint8_t{0});
        if (body) put_members(at, what);
      },
      input.what);
}

std::uint32_t crc_of(std::span<const std::uint8_t> behind_crc, std::uint32_t length) {
  std::array<std::uint8_t, 4> word{};
  std::memcpy(word.data(), &length, 4);
  return crc32c(word, crc32c(behind_crc));
}

std::uint32_t finish_frame(std::uint8_t* frame, const std::uint8_t* end) {
  const auto length = static_cast<std::uint32_t>(end - frame);
  const std::uint32_t crc = crc_of({frame + 8, length - 8}, length);
  std::memcpy(frame + 4, &crc, 4);
  return length;
}

// ---- Reading ------------------------------------------------------------------------------------

/// Reads on until something is wrong, and then keeps saying the first thing that was.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  std::size_t left() const { return left_.size(); }
  bool is_good() const { return fault_ == nullptr; }
  const char* fault() const { return fault_; }
  void fail(const char* words) {
    if (fault_ == nullptr) fault_ = words;
    left_ = {};
  }

  std::span<const std::uint8_t> take(std::size_t size) {
    if (size > left_.size()) {
      fail("ends in the middle of a value");
      return {};
    }
    const auto taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }

  template <class T>
  T raw() {
    T value{};
    const auto bytes = take(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

 private:
  std::span<const std::uint8_t> left_;
  const char* fault_ = nullptr;
};

template <class T>
void get_members(Cursor& in, T& value);

/// A part with its own length. What it has beyond our members was written by a newer daemon, which
/// raises the version when we must not overlook it.
template <class T>
void get_part(Cursor& in, T& value) {
  const auto size = in.raw<std::uint16_t>();
  Cursor part{in.take(size)};
  if (!in.is_good()) return;
  get_members(part, value);
  if (!part.is_good()) in.fail(part.fault());
}

template <class Variant, std::size_t... index>
void get_choice(Cursor& in, Variant& value, std::size_t wanted, std::index_sequence<index...>) {
  const bool known =
      ((wanted == index && (get_part(in, value.template emplace<index>()), true)) || ...);
  if (!known) in.fail("holds a choice that this version does not know");
}

template <class T>
void get(Cursor& in, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    const auto raw = in.raw<std::uint8_t>();
    if (raw > 1) in.fail("holds a flag that is neither 0 nor 1");
    value = raw == 1;
  } else if constexpr (std::is_enum_v<T>) {
    const auto raw = in.raw<std::underlying_type_t<T>>();
    if constexpr (sizeof(T) == 1) {  // an enumerator; ids are wider
      if (raw >= domain::enum_count<T>()) {
        in.fail("holds a word that this version does not know");
        return;
      }
    }
    value = static_cast<T>(raw);
  } else if constexpr (std::is_integral_v<T>) {
    value = in.raw<T>();
  } else if constexpr (is_decimal<T>) {
    if constexpr (sizeof(typename T::Raw) == 8) {
      value = T::from_raw(in.raw<std::int64_t>());
    } else {
      const auto low = in.raw<std::uint64_t>();
      const auto high = in.raw<std::uint64_t>();
      value = T::from_raw(
          static_cast<domain::Int128>((static_cast<domain::Uint128>(high) << 64) | low));
    }
  } else if constexpr (std::is_same_v<T, domain::Timestamp>) {
    value = domain::from_unix_ns(in.raw<std::int64_t>());
  } else if constexpr (std::is_same_v<T, domain::Duration>) {
    value = domain::Duration{in.raw<std::int64_t>()};
  } else if constexpr (detail::IsArray<T>::value) {
    const auto size = in.raw<std::uint16_t>();
    if (size > value.size()) {
      in.fail("holds more elements than this version can take");
      return;
    }
    for (std::size_t index = 0; index < size && in.is_good(); ++index) get(in, value[index]);
  } else if constexpr (detail::IsVariant<T>::value) {
    const auto index = in.raw<std::uint8_t>();
    if (in.is_good()) {
      get_choice(in, value, index, std::make_index_sequence<std::variant_size_v<T>>{});
    }
  } else if constexpr (is_settled<T>) {
    get_members(in, value);
  } else {
    get_part(in, value);
  }
}

template <class T>
void get_members(Cursor& in, T& value) {
  // An older daemon's struct ends early: the members behind keep their initialisers.
  each_field<T>([&](std::string_view, auto member) {
    if (in.left() != 0) get(in, value.*member);
  });
}

using Words = std::string;

template <class T>
Words get_body(std::span<const std::uint8_t> body, std::uint8_t version, T& value,
               std::string_view what) {
  if (version == 0 || version > table<T>.version) {
    return fmt::format(
        "{} \"{}\" has version {}, and this daemon knows up to {}: a newer one wrote it", what,
        table<T>.name, version, table<T>.version);
  }
  Cursor in{body};
  get_members(in, value);
  if (in.is_good()) return {};
  return fmt::format("{} \"{}\" {}", what, table<T>.name, in.fault());
}

template <class Variant, std::size_t... index>
Words get_alternative(std::span<const std::uint8_t> body, std::uint16_t type, std::uint8_t version,
                      Variant& value, std::string_view what, std::index_sequence<index...>) {
  Words words;
  const bool known =
      ((type == index &&
        (words = get_body(body, version, value.template emplace<index>(), what), true)) ||
       ...);
  if (known) return words;
  return fmt::format("{} of type {} is unknown here: a newer daemon wrote it", what, type);
}

Words get_input(std::span<const std::uint8_t> bytes, bool with_body, FrameView& view) {
  Cursor in{bytes};
  domain::Event& event = view.input;
  event.sequence = in.raw<std::uint64_t>();
  event.venue_time = domain::from_unix_ns(in.raw<std::int64_t>());
  event.instrument = static_cast<domain::InstrumentId>(in.raw<std::uint32_t>());
  event.account = static_cast<domain::AccountId>(in.raw<std::uint16_t>());
  event.venue = static_cast<domain::VenueId>(in.raw<std::uint16_t>());
  view.input_type = in.raw<std::uint16_t>();
  const auto version = in.raw<std::uint8_t>();
  if (in.raw<std::uint8_t>() != 0) in.fail("has a byte set that must be zero");
  if (!in.is_good()) return fmt::format("the input {}", in.fault());
  event.received = view.received;
  view.has_input = with_body;
  if (!with_body) {
    if (view.input_type >= std::variant_size_v<domain::Event::What>) {
      return fmt::format("an input of type {} is unknown here: a newer daemon wrote it",
                         view.input_type);
    }
    return in.left() == 0 ? Words{} : Words{"an input without a body has one"};
  }
  return get_alternative(in.take(in.left()), view.input_type, version, event.what, "an input",
                         std::make_index_sequence<std::variant_size_v<domain::Event::What>>{});
}

std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Words take_record(Cursor& in, domain::RecordEntry& entry) {
  const auto type = in.raw<std::uint16_t>();
  const auto version = in.raw<std::uint8_t>();
  if (in.raw<std::uint8_t>() != 0) in.fail("has a byte set that must be zero");
  const auto body_size = in.raw<std::uint16_t>();
  const auto text_size = in.raw<std::uint32_t>();
  const auto body = in.take(body_size);
  const auto text = in.take(text_size);
  if (!in.is_good()) return in.fault();
  entry.text = as_text(text);
  return get_alternative(body, type, version, entry.record, "a record",
                         std::make_index_sequence<std::variant_size_v<domain::Record>>{});
}

}  // namespace

// ---- Sizes and writing --------------------------------------------------------------------------

std::size_t record_bytes(const domain::RecordEntry& entry) {
  return record_header_bytes + body_sizes[entry.record.index()] + entry.text.size();
}

std::uint8_t* put_record(std::uint8_t* out, const domain::RecordEntry& entry) {
  put_raw(out, static_cast<std::uint16_t>(entry.record.index()));
  std::visit(
      [&](const auto& record) {
        using T = std::decay_t<decltype(record)>;
        put_raw(out, table<T>.version);
        put_raw(out, std::uint8_t{0});
        put_raw(out, body_sizes[entry.record.index()]);
        put_raw(out, static_cast<std::uint32_t>(entry.text.size()));
        put_members(out, record);
      },
      entry.record);
  put_bytes(out, entry.text.data(), entry.text.size());
  return out;
}

std::size_t frame_bytes(const domain::Event& input, std::string_view remark,
                        std::span<const domain::RecordEntry> records) {
  std::size_t sum = frame_header_bytes + input_bytes(input) + remark.size();
  for (const domain::RecordEntry& entry : records) sum += record_bytes(entry);
  return sum;
}

std::uint32_t put_frame(std::uint8_t* out, const FrameHead& head, const domain::Event& input,
                        std::string_view remark, std::span<const domain::RecordEntry> records) {
  const bool body = has_body(input);
  std::uint8_t* at =
      put_frame_header(out, head, FrameKind::input, body ? flag_has_body : std::uint8_t{0},
                       input_bytes(input), remark.size(), records.size());
  put_input(at, input, body);
  put_bytes(at, remark.data(), remark.size());
  for (const domain::RecordEntry& entry : records) at = put_record(at, entry);
  return finish_frame(out, at);
}

std::uint32_t put_dictionary(std::uint8_t* out, const FrameHead& head, std::uint32_t count,
                             std::size_t records) {
  const std::uint8_t* at = put_frame_header(out, head, FrameKind::dictionary, 0, 0, 0, count);
  return finish_frame(out, at + records);
}

// ---- Reading ------------------------------------------------------------------------------------

RawHeader read_header(std::span<const std::uint8_t> bytes) noexcept {
  Cursor in{bytes.first(frame_header_bytes)};
  RawHeader header;
  header.length = in.raw<std::uint32_t>();
  header.crc = in.raw<std::uint32_t>();
  header.sequence = in.raw<std::uint64_t>();
  header.received = in.raw<std::int64_t>();
  header.durable = in.raw<std::uint64_t>();
  header.kind = in.raw<std::uint8_t>();
  header.flags = in.raw<std::uint8_t>();
  header.input_bytes = in.raw<std::uint16_t>();
  header.remark_bytes = in.raw<std::uint32_t>();
  header.records = in.raw<std::uint32_t>();
  header.zero = in.raw<std::uint32_t>();
  return header;
}

bool is_plausible(const RawHeader& header) noexcept {
  if (header.length < frame_header_bytes || header.zero != 0 || header.flags > flag_has_body ||
      header.kind > static_cast<std::uint8_t>(FrameKind::dictionary)) {
    return false;
  }
  const std::uint64_t room = header.length - frame_header_bytes;
  return std::uint64_t{header.input_bytes} + header.remark_bytes +
             std::uint64_t{header.records} * record_header_bytes <=
         room;
}

std::uint32_t frame_crc(std::span<const std::uint8_t> frame) noexcept {
  return crc_of(frame.subspan(8), static_cast<std::uint32_t>(frame.size()));
}

std::size_t event_bytes(const domain::Event& event) {
  return captured_header_bytes + input_header_bytes +
         std::visit([](const auto& what) { return members_bytes(what); }, event.what);
}

std::uint8_t* put_event(std::uint8_t* out, const domain::Event& event) {
  const std::size_t size = event_bytes(event);
  put_raw(out, static_cast<std::uint16_t>(size - sizeof(std::uint16_t)));
  put_raw(out, domain::to_unix_ns(event.received));
  put_raw(out, event.remark);
  put_input(out, event, true);
  return out;
}

std::string get_event(std::span<const std::uint8_t> bytes, domain::Event& event,
                      std::size_t& used) {
  used = 0;
  Cursor in{bytes};
  Cursor one{in.take(in.raw<std::uint16_t>())};
  FrameView view;
  view.received = domain::from_unix_ns(one.raw<std::int64_t>());
  const auto remark = one.raw<std::uint32_t>();
  if (!in.is_good() || !one.is_good()) return "an event ends in the middle";
  if (Words words = get_input(one.take(one.left()), true, view); !words.empty()) return words;
  event = view.input;
  event.remark = remark;
  used = bytes.size() - in.left();
  return {};
}

std::string get_record(std::span<const std::uint8_t> bytes, domain::RecordEntry& entry,
                       std::size_t& used) {
  Cursor in{bytes};
  Words words = take_record(in, entry);
  used = in.is_good() ? bytes.size() - in.left() : 0;
  return words;
}

std::string FrameDecoder::decode(std::span<const std::uint8_t> frame, FrameView& view) {
  records_.clear();
  view = FrameView{};
  if (frame.size() < frame_header_bytes) return "a frame is shorter than its header";
  const RawHeader header = read_header(frame);
  if (header.length != frame.size() || !is_plausible(header)) {
    return "a frame's header contradicts itself";
  }
  if (header.crc != frame_crc(frame)) return "a frame's checksum is wrong";

  view.sequence = header.sequence;
  view.received = domain::from_unix_ns(header.received);
  view.is_dictionary = header.kind == static_cast<std::uint8_t>(FrameKind::dictionary);

  Cursor in{frame.subspan(frame_header_bytes)};
  const auto input = in.take(header.input_bytes);
  if (!view.is_dictionary) {
    if (Words words = get_input(input, (header.flags & flag_has_body) != 0, view); !words.empty()) {
      return words;
    }
  } else if (!input.empty() || header.remark_bytes != 0) {
    return "a dictionary has an input";
  }
  view.remark = as_text(in.take(header.remark_bytes));

  for (std::uint32_t number = 0; number < header.records; ++number) {
    if (Words words = take_record(in, records_.emplace_back()); !words.empty()) {
      return in.is_good() ? words : fmt::format("record {} {}", number + 1, words);
    }
  }
  if (in.left() != 0) return "a frame is longer than what it holds";
  view.records = records_;
  return {};
}

}  // namespace halcyon::persistence
