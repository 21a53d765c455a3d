#include "persistence/capture.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/persistence/journal/samples.h"

namespace halcyon::persistence {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;

constexpr JournalUuid uuid{{1, 2, 3}};

domain::Event trade(std::uint64_t number, std::uint32_t lost_before = 0) {
  domain::Event event;
  event.sequence = number / 3 + 1;
  event.received =
      domain::from_unix_ns(1'723'100'000'000'000'000) + std::chrono::milliseconds{number};
  event.instrument = domain::InstrumentId{1};
  event.remark = lost_before;
  domain::Trade what;
  what.price = domain::Price::from_raw(static_cast<std::int64_t>(number) * 1'000'003);
  what.venue_id = number;
  event.what = what;
  return event;
}
std::uint64_t number_of(const domain::Event& event) {
  return std::get<domain::Trade>(event.what).venue_id;
}

CaptureOptions options(const TemporaryDirectory& directory, std::uint64_t run = 7,
                       std::uint64_t max_bytes = 1ULL << 30) {
  return {directory.path() + "/capture", max_bytes, uuid, run};
}

struct Heard {
  std::vector<std::uint64_t> numbers;
  std::vector<std::uint64_t> gaps;  ///< before these
};
Heard read(CaptureReader& reader) {
  Heard heard;
  domain::Event event;
  bool has_gap = false;
  while (reader.next(event, has_gap)) {
    heard.numbers.push_back(number_of(event));
    if (has_gap) heard.gaps.push_back(number_of(event));
  }
  return heard;
}

TEST(Capture, IsReadAsItWasWrittenAndIsSmall) {
  const TemporaryDirectory directory;
  std::uint64_t written = 0;
  {
    CaptureWriter writer{options(directory)};
    for (std::uint64_t number = 0; number < 20'000; ++number) {
      writer.add(trade(number));
      if (number % 700 == 0) writer.flush();
    }
    writer.flush();
    EXPECT_EQ(writer.events(), 20'000U);
    EXPECT_EQ(writer.lost(), 0U);
    EXPECT_EQ(writer.last_error(), "");
    written = writer.bytes();
  }
  EXPECT_LT(written, 20'000U * 30);
  const auto reader = CaptureReader::open(options(directory).directory, uuid, 7);
  ASSERT_NE(reader, nullptr);
  domain::Event event;
  bool has_gap = false;
  for (std::uint64_t number = 0; number < 20'000; ++number) {
    ASSERT_TRUE(reader->next(event, has_gap)) << reader->words();
    const domain::Event wanted = trade(number);
    ASSERT_EQ(number_of(event), number);
    ASSERT_EQ(event.sequence, wanted.sequence);
    ASSERT_EQ(event.received, wanted.received);
    ASSERT_FALSE(has_gap);
  }
  EXPECT_FALSE(reader->next(event, has_gap));
  EXPECT_EQ(reader->words(), "");
  // And of another run, or another journal, there is none
  EXPECT_EQ(CaptureReader::open(options(directory).directory, uuid, 8), nullptr);
  JournalUuid other = uuid;
  other.bytes[0] = 9;
  const auto foreign = CaptureReader::open(options(directory).directory, other, 7);
  EXPECT_FALSE(foreign->next(event, has_gap));
  EXPECT_THAT(foreign->words(), HasSubstr("belongs to another journal"));
}

TEST(Capture, TellsWhereEventsWereLost) {
  const TemporaryDirectory directory;
  {
    CaptureWriter writer{options(directory)};
    writer.add(trade(1));
    writer.add(trade(5, 3));
    writer.add(trade(6));
  }
  const Heard heard = read(*CaptureReader::open(options(directory).directory, uuid, 7));
  EXPECT_EQ(heard.numbers, (std::vector<std::uint64_t>{1, 5, 6}));
  EXPECT_EQ(heard.gaps, (std::vector<std::uint64_t>{5}));
}

TEST(Capture, OfAKilledRunIsReadUpToItsLastWholeBlock) {
  const TemporaryDirectory directory;
  {
    CaptureWriter writer{options(directory)};
    for (std::uint64_t number = 0; number < 30; ++number) {
      writer.add(trade(number));
      if (number % 10 == 9) writer.flush();
    }
  }
  const std::string file =
      options(directory).directory + "/capture-00000000000000000007-000001.hjc";
  const Bytes whole = testing::read_file(file);
  for (std::size_t size = capture_header_bytes; size < whole.size(); size += 3) {
    Bytes cut = whole;
    cut.resize(size);
    testing::write_file(file, cut);
    const auto reader = CaptureReader::open(options(directory).directory, uuid, 7);
    const Heard heard = read(*reader);
    EXPECT_EQ(heard.numbers.size() % 10, 0U) << size;
    EXPECT_LT(heard.numbers.size(), 30U) << size;
    EXPECT_TRUE(heard.gaps.empty());
  }
}

TEST(Capture, NoFlippedByteIsOverlooked) {
  const TemporaryDirectory directory;
  {
    CaptureWriter writer{options(directory)};
    for (std::uint64_t number = 0; number < 8; ++number) writer.add(trade(number));
  }
  const std::string file =
      options(directory).directory + "/capture-00000000000000000007-000001.hjc";
  const Bytes whole = testing::read_file(file);
  const auto parse = [](const Bytes& bytes, std::string& words) {
    return CaptureReader::parse(std::vector<std::uint8_t>{bytes.begin(), bytes.end()}, words);
  };
  std::string words;
  ASSERT_EQ(parse(whole, words).size(), 8U) << words;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    EXPECT_TRUE(parse(flipped, words).empty()) << at;
    EXPECT_NE(words, "") << at;
  }
}

TEST(Capture, ThatCannotBeWrittenCountsAndGoesOnAfterTheMend) {
  const TemporaryDirectory directory;
  // Given a file where the directory should be
  testing::write_file(options(directory).directory, {'x'});
  CaptureWriter writer{options(directory)};
  writer.add(trade(1));
  writer.add(trade(2));
  writer.flush();
  EXPECT_EQ(writer.lost(), 2U);
  EXPECT_THAT(writer.last_error(), HasSubstr("cannot create"));
  // When it is mended
  std::filesystem::remove(options(directory).directory);
  writer.add(trade(3));
  writer.flush();
  EXPECT_EQ(writer.lost(), 2U);
  EXPECT_EQ(writer.last_error(), "");
  // Then the reader sees the gap
  const Heard heard = read(*CaptureReader::open(options(directory).directory, uuid, 7));
  EXPECT_EQ(heard.numbers, (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(heard.gaps, (std::vector<std::uint64_t>{3}));
}

TEST(Capture, KeepsWithinItsBoundByRemovingTheOldest) {
  const TemporaryDirectory directory;
  const std::string folder = options(directory).directory;
  std::filesystem::create_directory(folder);
  const Bytes big(500'000, 'x');
  for (const char* run : {"1", "2", "3"}) {
    testing::write_file(folder + "/capture-0000000000000000000" + run + "-000001.hjc", big);
  }
  testing::write_file(folder + "/notes.txt", big);
  // Given a bound that holds the new one and one of the old
  CaptureWriter writer{options(directory, 7, capture_file_bytes + 600'000)};
  writer.add(trade(1));
  writer.flush();
  EXPECT_FALSE(std::filesystem::exists(folder + "/capture-00000000000000000001-000001.hjc"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/capture-00000000000000000002-000001.hjc"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/capture-00000000000000000003-000001.hjc"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/notes.txt"));
}

}  // namespace
}  // namespace halcyon::persistence
