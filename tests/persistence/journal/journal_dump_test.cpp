#include "persistence/journal_dump.h"

#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "persistence/segment.h"
#include "tests/persistence/journal/frozen.h"

namespace halcyon::persistence {
namespace {

using testing::TemporaryDirectory;

const std::string frozen_v1 = HALCYON_SOURCE_DIR "/tests/data/journal/v1";

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file{path};
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// Whether `found` says all that `wanted` says; structs may have gained members since.
bool says(const nlohmann::json& found, const nlohmann::json& wanted) {
  if (wanted.is_object()) {
    return found.is_object() &&
           std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& item) {
             return found.contains(item.key()) && says(found[item.key()], item.value());
           });
  }
  if (wanted.is_array()) {
    return found.is_array() && std::equal(found.begin(), found.end(), wanted.begin(), wanted.end(),
                                          [](const auto& a, const auto& b) { return says(a, b); });
  }
  return found == wanted;
}

TEST(FrozenJournal, OfVersion1IsReadAsItWasWritten) {
  // Given the journal that was written when version 1 was new
  const auto expected = lines_of(frozen_v1 + "/expected.jsonl");
  ASSERT_EQ(expected.size(), testing::frozen_frames);
  const auto reader = JournalReader::open(frozen_v1, 0);
  // Then each frame says what it said then
  FrameView frame;
  for (std::uint64_t number = 1; number <= testing::frozen_frames; ++number) {
    ASSERT_TRUE(reader->next(frame)) << number;
    EXPECT_TRUE(testing::is_equal(frame, testing::frozen(number))) << number;
    EXPECT_TRUE(
        says(nlohmann::json::parse(dump_json(frame)), nlohmann::json::parse(expected[number - 1])))
        << dump_json(frame);
  }
  EXPECT_FALSE(reader->next(frame));
}

TEST(FrozenJournal, HoldsEveryKindOfRecordAndEveryJournaledInput) {
  const auto reader = JournalReader::open(frozen_v1, 0);
  std::set<std::size_t> records;
  std::set<std::size_t> inputs;
  FrameView frame;
  while (reader->next(frame)) {
    if (frame.has_input) inputs.insert(frame.input.what.index());
    for (const auto& entry : frame.records) records.insert(entry.record.index());
  }
  // Version 1 was frozen with 18 kinds of records and 20 of inputs, 7 of them market data or time.
  EXPECT_EQ(records.size(), 18U);
  EXPECT_EQ(inputs.size(), 13U);
}

TEST(FrozenJournal, OfVersion1CanBeContinued) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.journal());
  for (const auto& entry : std::filesystem::directory_iterator{frozen_v1}) {
    if (entry.path().extension() == ".hjl") {
      std::filesystem::copy(entry.path(), directory.journal() / entry.path().filename());
    }
  }
  Recovered recovered;
  const auto journal = testing::open_journal(directory.journal(), 4096, recovered);
  EXPECT_EQ(recovered.frames, testing::frozen_frames);
  EXPECT_EQ(recovered.cut_bytes, 0U);
  testing::append_samples(*journal, testing::frozen_frames + 50);
  EXPECT_EQ(verify(directory.journal()).last_sequence, testing::frozen_frames + 50);
}

TEST(JournalDump, IsJsonWithTheWordsOfTheDomain) {
  FrameView frame;
  const auto content = testing::frozen(8);
  const auto entries = content.entries();
  frame.sequence = 8;
  frame.received = content.input.received;
  frame.has_input = true;
  frame.input = content.input;
  frame.remark = content.remark;
  frame.records = entries;
  const auto json = nlohmann::json::parse(dump_json(frame));
  EXPECT_EQ(json["sequence"], 8);
  EXPECT_EQ(json["received"], "2024-08-08T06:53:20.123456797Z");
  EXPECT_EQ(json["input"]["request_outcome"]["outcome"], "unknown");
  EXPECT_EQ(json["input"]["request_outcome"]["venue_code"], -1007);
  EXPECT_EQ(json["input"]["request_outcome"]["venue_order"], nullptr);
  EXPECT_EQ(json["records"][0]["record"], "notice_raised");
  EXPECT_EQ(json["records"][0]["severity"], "alarm");
  EXPECT_EQ(json["records"][0]["text"], "caf\xC3\xA9 \xEF\xBF\xBD");
}

TEST(JournalDump, AnyTimeIsPrinted) {
  const struct {
    const char* name;
    domain::Timestamp time;
    nlohmann::json text;
  } rows[] = {
      {"epoch", domain::Timestamp{}, "1970-01-01T00:00:00.000000000Z"},
      {"just_before", domain::from_unix_ns(-1), "1969-12-31T23:59:59.999999999Z"},
      {"earliest", domain::Timestamp::min(), "1677-09-21T00:12:43.145224192Z"},
      {"latest", domain::never - domain::Duration{1}, "2262-04-11T23:47:16.854775806Z"},
      {"never", domain::never, nullptr},
  };
  for (const auto& row : rows) {
    FrameView frame;
    frame.received = row.time;
    EXPECT_EQ(nlohmann::json::parse(dump_json(frame))["received"], row.text) << row.name;
  }
}

TEST(JournalDump, EveryLineOfAnyTextIsJson) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text =
        std::string{"a"} + static_cast<char>(byte) + "b" + static_cast<char>(byte);
    FrameView frame;
    frame.remark = text;
    EXPECT_TRUE(nlohmann::json::accept(dump_json(frame))) << byte;
  }
}

TEST(JournalVerify, CountsWhatThereIs) {
  const Verified verified = verify(frozen_v1);
  EXPECT_EQ(verified.damage, "");
  EXPECT_EQ(verified.frames, testing::frozen_frames);
  EXPECT_EQ(verified.first_sequence, 1U);
  EXPECT_EQ(verified.last_sequence, testing::frozen_frames);
  EXPECT_EQ(verified.records, 21U);
  EXPECT_GE(verified.segments, 2U);
  EXPECT_EQ(verified.tail_bytes, 0U);
}

TEST(JournalVerify, OfNothingSaysSo) {
  const TemporaryDirectory directory;
  EXPECT_EQ(verify(directory.path()).damage,
            directory.path() + ": there is no journal in this directory");
}

}  // namespace
}  // namespace halcyon::persistence
