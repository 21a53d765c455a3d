#include "persistence/encoding.h"

#include <cstring>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "domain/enum_name.h"
#include "persistence/fields.h"
#include "tests/persistence/journal/samples.h"

namespace halcyon::persistence {
namespace {

using testing::Content;
using ::testing::HasSubstr;

// ---- Any value of any struct, made from fields.h ------------------------------------------------

template <class T>
void randomize(T& value);

template <class Variant, std::size_t... index>
void choose(Variant& value, std::size_t wanted, std::index_sequence<index...>) {
  ((wanted == index ? randomize(value.template emplace<index>()) : void()), ...);
}

template <class Variant>
void choose(Variant& value, std::size_t wanted) {
  choose(value, wanted, std::make_index_sequence<std::variant_size_v<Variant>>{});
}

template <class T>
void randomize(T& value) {
  const auto bits = [] { return *rc::gen::arbitrary<std::uint64_t>(); };
  if constexpr (std::is_same_v<T, bool>) {
    value = *rc::gen::arbitrary<bool>();
  } else if constexpr (std::is_enum_v<T>) {
    if constexpr (sizeof(T) == 1) {
      value = static_cast<T>(*rc::gen::inRange<std::size_t>(0, domain::enum_count<T>()));
    } else {
      value = static_cast<T>(*rc::gen::arbitrary<std::underlying_type_t<T>>());
    }
  } else if constexpr (std::is_integral_v<T>) {
    value = *rc::gen::arbitrary<T>();
  } else if constexpr (std::is_same_v<T, domain::Price>) {
    value = domain::Price::from_raw(static_cast<std::int64_t>(bits()));
  } else if constexpr (std::is_same_v<T, domain::Quantity> || std::is_same_v<T, domain::Money>) {
    value = T::from_raw(
        static_cast<domain::Int128>((static_cast<domain::Uint128>(bits()) << 64) | bits()));
  } else if constexpr (std::is_same_v<T, domain::Timestamp>) {
    value = domain::from_unix_ns(static_cast<std::int64_t>(bits()));
  } else if constexpr (std::is_same_v<T, domain::Duration>) {
    value = domain::Duration{static_cast<std::int64_t>(bits())};
  } else if constexpr (detail::IsArray<T>::value) {
    for (auto& element : value) randomize(element);
  } else if constexpr (detail::IsVariant<T>::value) {
    choose(value, *rc::gen::inRange<std::size_t>(0, std::variant_size_v<T>));
  } else {
    each_field<T>([&value](std::string_view, auto member) { randomize(value.*member); });
  }
}

template <class... T>
constexpr bool all_complete(std::type_identity<std::variant<T...>>) {
  return (is_complete<T> && ...);
}
static_assert(all_complete(std::type_identity<domain::Record>{}));
static_assert(all_complete(std::type_identity<domain::Event::What>{}));

Content any_content(std::size_t record, std::size_t input) {
  Content content;
  randomize(content.input.sequence);
  randomize(content.input.venue_time);
  randomize(content.input.received);
  randomize(content.input.instrument);
  randomize(content.input.account);
  randomize(content.input.venue);
  choose(content.input.what, input);
  content.remark = *rc::gen::arbitrary<std::string>();
  const auto count = *rc::gen::inRange<std::size_t>(1, 4);
  for (std::size_t number = 0; number < count; ++number) {
    auto& [value, text] = content.records.emplace_back();
    choose(value, number == 0
                      ? record
                      : *rc::gen::inRange<std::size_t>(0, std::variant_size_v<domain::Record>));
    text = *rc::gen::arbitrary<std::string>();
  }
  return content;
}

std::vector<std::uint8_t> encode(const Content& content, std::uint64_t sequence = 7) {
  const auto entries = content.entries();
  std::vector<std::uint8_t> bytes(frame_bytes(content.input, content.remark, entries));
  const std::uint32_t length =
      put_frame(bytes.data(), {sequence, sequence - 1, content.input.received}, content.input,
                content.remark, entries);
  EXPECT_EQ(length, bytes.size());
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

constexpr std::size_t inputs = std::variant_size_v<domain::Event::What>;

RC_GTEST_PROP(Encoding, EveryRecordAndEveryEventComesBackAsItWent, ()) {
  FrameDecoder decoder;
  for (std::size_t record = 0; record < std::variant_size_v<domain::Record>; ++record) {
    // Each input, and each that is journaled once more.
    for (const std::size_t input : {record % inputs, record % (inputs - 7) + 7}) {
      const Content content = any_content(record, input);
      const auto bytes = encode(content);
      FrameView frame;
      const std::string words = decoder.decode(bytes, frame);
      RC_ASSERT(words == "");
      RC_ASSERT(frame.sequence == 7U);
      RC_ASSERT(testing::is_equal(frame, content));
    }
  }
}
static_assert(std::variant_size_v<domain::Record> >= inputs,
              "the two formulas above reach every input");

// What a capture holds: market data too, with every member.
RC_GTEST_PROP(Encoding, EveryEventOfACaptureComesBackAsItWent, ()) {
  for (std::size_t input = 0; input < inputs; ++input) {
    domain::Event event = any_content(0, input).input;
    randomize(event.remark);
    std::vector<std::uint8_t> bytes(event_bytes(event));
    RC_ASSERT(put_event(bytes.data(), event) == bytes.data() + bytes.size());
    domain::Event again;
    std::size_t used = 0;
    RC_ASSERT(get_event(bytes, again, used) == "");
    RC_ASSERT(used == bytes.size());
    RC_ASSERT(again.sequence == event.sequence && again.received == event.received &&
              again.venue_time == event.venue_time && again.instrument == event.instrument &&
              again.account == event.account && again.venue == event.venue &&
              again.remark == event.remark);
    RC_ASSERT(is_same(again.what, event.what));
    // And no shorter bytes are taken for one
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      RC_ASSERT(get_event(std::span<const std::uint8_t>{bytes}.first(size), again, used) != "");
    }
  }
}

RC_GTEST_PROP(Encoding, ComparisonSeesEveryMember, ()) {
  domain::Event::What first;
  choose(first, *rc::gen::inRange<std::size_t>(0, std::variant_size_v<domain::Event::What>));
  const domain::Event::What second = first;
  RC_ASSERT(is_same(first, second));
}

// ---- Other versions -----------------------------------------------------------------------------

/// A frame with one record given by its bytes.
std::vector<std::uint8_t> frame_of(std::uint16_t type, std::uint8_t version,
                                   const std::vector<std::uint8_t>& body) {
  std::vector<std::uint8_t> bytes(frame_header_bytes + 10 + body.size());
  std::uint8_t* at = bytes.data() + frame_header_bytes;
  const auto size = static_cast<std::uint16_t>(body.size());
  std::memcpy(at, &type, 2);
  at[2] = version;
  std::memcpy(at + 4, &size, 2);
  std::copy(body.begin(), body.end(), at + 10);
  const std::uint32_t length = put_dictionary(bytes.data(), {}, 1, 10 + body.size());
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

std::string words_of(const std::vector<std::uint8_t>& frame) {
  FrameDecoder decoder;
  FrameView view;
  return decoder.decode(frame, view);
}

// AccountReady: u16 account, u8 ready, u8 reason
constexpr std::uint16_t account_ready = 13;
static_assert(std::is_same_v<std::variant_alternative_t<account_ready, domain::Record>,
                             domain::AccountReady>);

TEST(Encoding, AnOlderShorterRecordTakesTheInitialisersOfWhatItLacks) {
  // Given a record of a time when AccountReady had one member less
  const auto frame = frame_of(account_ready, 1, {5, 0, 1});
  // When it is decoded
  FrameDecoder decoder;
  FrameView view;
  ASSERT_EQ(decoder.decode(frame, view), "");
  // Then what is there is read, and the rest is as the struct says
  const auto& ready = std::get<domain::AccountReady>(view.records[0].record);
  EXPECT_EQ(ready.account, domain::AccountId{5});
  EXPECT_TRUE(ready.ready);
  EXPECT_EQ(ready.reason, domain::Reason::none);
}

TEST(Encoding, ALongerRecordOfTheSameVersionIsReadAsFarAsItIsKnown) {
  const auto frame = frame_of(account_ready, 1, {5, 0, 1, 4, 99, 99, 99});
  FrameDecoder decoder;
  FrameView view;
  ASSERT_EQ(decoder.decode(frame, view), "");
  EXPECT_EQ(std::get<domain::AccountReady>(view.records[0].record).reason,
            domain::Reason::account_not_reconciled);
}

TEST(Encoding, APartThatGrewInsideARecordDoesNotMoveWhatFollowsIt) {
  // TradingStateChanged: a Scope of its own length, then u8 state, u8 reason, u32 user
  const std::uint16_t type = 12;
  static_assert(
      std::is_same_v<std::variant_alternative_t<12, domain::Record>, domain::TradingStateChanged>);
  const struct {
    const char* name;
    std::vector<std::uint8_t> body;
    domain::StrategyId strategy;
  } rows[] = {
      {"as_today", {4, 0, 1, 0, 2, 0, 1, 0, 9, 0, 0, 0}, domain::StrategyId{2}},
      {"scope_grew", {6, 0, 1, 0, 2, 0, 77, 77, 1, 0, 9, 0, 0, 0}, domain::StrategyId{2}},
      {"scope_was_shorter", {2, 0, 1, 0, 1, 0, 9, 0, 0, 0}, domain::no<domain::StrategyId>},
  };
  for (const auto& row : rows) {
    FrameDecoder decoder;
    FrameView view;
    ASSERT_EQ(decoder.decode(frame_of(type, 1, row.body), view), "") << row.name;
    const auto& changed = std::get<domain::TradingStateChanged>(view.records[0].record);
    EXPECT_EQ(changed.scope.account, domain::AccountId{1}) << row.name;
    EXPECT_EQ(changed.scope.strategy, row.strategy) << row.name;
    EXPECT_EQ(changed.state, domain::TradingState::reducing) << row.name;
    EXPECT_EQ(changed.user, domain::UserId{9}) << row.name;
  }
}

TEST(Encoding, WhatCannotBeUnderstoodIsRefusedWithWords) {
  const struct {
    const char* name;
    std::uint16_t type;
    std::uint8_t version;
    std::vector<std::uint8_t> body;
    const char* words;
  } rows[] = {
      {"newer_version",
       account_ready,
       2,
       {5, 0, 1, 0},
       "\"account_ready\" has version 2, and this daemon knows up to 1"},
      {"unknown_type", 999, 1, {}, "a record of type 999 is unknown here: a newer daemon wrote it"},
      {"unknown_enumerator",
       account_ready,
       1,
       {5, 0, 1, 255},
       "holds a word that this version does not know"},
      {"no_flag", account_ready, 1, {5, 0, 2, 0}, "holds a flag that is neither 0 nor 1"},
      {"half_a_member", account_ready, 1, {5}, "ends in the middle of a value"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(words_of(frame_of(row.type, row.version, row.body)), HasSubstr(row.words))
        << row.name;
  }
}

TEST(Encoding, EveryFlippedBitOfAFrameIsNoticed) {
  const auto good = encode(testing::sample(4));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_NE(words_of(bad), "") << "bit " << bit;
  }
}

TEST(Encoding, EveryShorterFrameIsRefused) {
  const auto good = encode(testing::sample(2));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(words_of({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}), "")
        << size;
  }
}

}  // namespace
}  // namespace halcyon::persistence
