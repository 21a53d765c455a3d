#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "persistence/crc32c.h"
#include "persistence/journal.h"
#include "persistence/journal_dump.h"
#include "persistence/segment.h"
#include "tests/persistence/journal/samples.h"

namespace halcyon::persistence {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using testing::append_samples;
using testing::Bytes;
using ::testing::HasSubstr;
using testing::open_journal;
using testing::sample;
using testing::Snapshot;
using testing::TemporaryDirectory;
using testing::Where;

constexpr std::uint64_t small = 4096;

/// A journal of so many samples in segments of 4 KiB.
Snapshot small_journal(std::uint64_t frames, bool sync_power = false) {
  const TemporaryDirectory directory;
  append_samples(*open_journal(directory.journal(), small, sync_power), frames);
  return Snapshot{directory.journal()};
}

/// Where the frames of a segment end, dictionaries too.
std::vector<std::size_t> frame_ends(const Bytes& segment) {
  std::vector<std::size_t> ends;
  std::size_t at = segment_header_bytes;
  for (;;) {
    std::uint32_t length = 0;
    std::memcpy(&length, segment.data() + at, 4);
    if (length == 0 || length == seal_word) return ends;
    ends.push_back(at + length);
    at += aligned(length);
  }
}

/// Opens what lies there and compares every frame with what was once appended; -1 when it was
/// refused.
std::int64_t recover(const std::string& directory, Recovered& recovered) {
  try {
    (void)open_journal(directory, small, recovered);
  } catch (const JournalError& error) {
    EXPECT_THAT(error.what(), HasSubstr(directory));
    return -1;
  }
  const std::int64_t frames = testing::read_samples(*JournalReader::open(directory, 0));
  EXPECT_EQ(frames, static_cast<std::int64_t>(recovered.frames));
  return frames;
}

TEST(Recovery, ATailTornAtAnyByteIsCutAtTheLastGoodFrame) {
  Snapshot journal = small_journal(12);
  ASSERT_EQ(journal.files().size(), 1U);
  const Bytes whole = journal.files().begin()->second;
  const auto ends = frame_ends(whole);
  ASSERT_EQ(ends.size(), 12U);
  std::mt19937 random{1};

  const TemporaryDirectory directory{Where::memory};
  for (const char* how : {"zeros", "garbage", "short_file"}) {
    for (std::size_t at = segment_header_bytes; at <= ends.back(); ++at) {
      // Given a journal of which the machine kept only the first `at` bytes
      Bytes& torn = journal.files().begin()->second;
      torn = whole;
      const auto cut = torn.begin() + static_cast<std::ptrdiff_t>(at);
      if (how == std::string{"zeros"}) {
        std::fill(cut, torn.end(), '\0');
      } else if (how == std::string{"garbage"}) {
        std::fill(cut, torn.end(), '\0');
        std::generate(cut, cut + 300, [&] { return static_cast<char>(random()); });
      } else {
        torn.erase(cut, torn.end());
      }
      journal.lay_out(directory.journal());
      // When it is opened
      Recovered recovered;
      const std::int64_t frames = recover(directory.journal(), recovered);
      // Then every frame that is as it was is there, and no other: what was lost may have been
      // zeros, and garbage may happen to be right.
      Bytes padded = torn;
      padded.resize(whole.size());
      const auto wrong = std::mismatch(whole.begin(), whole.end(), padded.begin()).first;
      const auto intact = static_cast<std::size_t>(wrong - whole.begin());
      const auto kept =
          std::count_if(ends.begin(), ends.end(), [&](auto end) { return end <= intact; });
      ASSERT_EQ(frames, kept) << how << " at " << at;
      ASSERT_TRUE(how != std::string{"garbage"} || recovered.cut_bytes > 280U);
      // And the journal goes on behind them, also for those who read it
      if (at % 97 == 0) {
        append_samples(*open_journal(directory.journal(), small), 40);
        ASSERT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)), 40);
      }
    }
  }
}

TEST(Recovery, CutBytesSayHowMuchOfATornTailThereWas) {
  Snapshot journal = small_journal(5);
  Bytes& bytes = journal.files().begin()->second;
  const auto ends = frame_ends(bytes);
  // Given a last frame of which everything but its commit word was written
  const std::size_t start = aligned(ends[3]);
  std::memset(bytes.data() + start, 0, 4);
  const TemporaryDirectory directory;
  journal.lay_out(directory.journal());
  Recovered recovered;
  EXPECT_EQ(recover(directory.journal(), recovered), 4);
  EXPECT_GT(recovered.cut_bytes, 40U);
  EXPECT_LE(recovered.cut_bytes, ends[4] - start);
}

TEST(Recovery, NoFlippedByteAnywhereEverYieldsAWrongRecord) {
  constexpr std::int64_t frames = 40;
  Snapshot journal = small_journal(frames);
  ASSERT_GE(journal.files().size(), 3U);
  const std::string last = journal.files().rbegin()->first;
  std::size_t refused = 0;
  std::size_t shortened = 0;

  const TemporaryDirectory directory{Where::memory};
  for (auto& [name, bytes] : journal.files()) {
    const auto ends = frame_ends(bytes);
    const std::size_t used = ends.back();
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      // Behind the frames there is nothing but zeros: every seventh byte of it is enough.
      if (at > used + 64 && at % 7 != 0) continue;
      const char before = bytes[at];
      bytes[at] = static_cast<char>(before ^ static_cast<char>(1U << (at % 8)));
      journal.lay_out(directory.journal());

      // A reader hands out frames as they were written, and then stops or throws.
      try {
        ASSERT_GE(testing::read_samples(*JournalReader::open(directory.journal(), 0)), 0);
      } catch (const JournalError&) {
      }
      Recovered recovered;
      const std::int64_t found = recover(directory.journal(), recovered);
      if (found == -1) {
        ++refused;
      } else if (found < frames) {
        // Only the last frame of the last segment may be taken for a torn tail.
        ++shortened;
        ASSERT_EQ(found, frames - 1) << name << " at " << at;
        ASSERT_EQ(name, last) << at;
        ASSERT_GE(at, aligned(ends[ends.size() - 2])) << at;
        ASSERT_GT(recovered.cut_bytes, 0U);
      }
      bytes[at] = before;
    }
  }
  EXPECT_GT(refused, 5000U);
  EXPECT_GT(shortened, 50U);
}

TEST(Recovery, ADamagedJournalSaysWhereAndWhatToDo) {
  Snapshot whole = small_journal(40);
  const std::string first = "00000000000000000001.hjl";
  const std::string last = whole.files().rbegin()->first;
  const std::string second = std::next(whole.files().begin())->first;
  const Snapshot other = small_journal(40);

  const auto set = [](Bytes& bytes, std::size_t at, auto value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  const auto resign = [&set](Bytes& bytes) {  // the header's CRC, watermark as zero
    Bytes head{bytes.begin(), bytes.begin() + 124};
    std::fill(head.begin() + watermark_offset, head.begin() + watermark_offset + 8, '\0');
    set(bytes, 124, crc32c({reinterpret_cast<const std::uint8_t*>(head.data()), head.size()}));
  };
  const struct {
    const char* name;
    std::function<void(std::map<std::string, Bytes>&)> damage;
    std::vector<std::string> words;
  } rows[] = {
      {"flipped_in_the_middle",
       [&](auto& files) { files[last][frame_ends(files[last])[0] + 20] ^= 1; },
       {last, "offset ", "is damaged, and sequence", "stands whole at", "backup"}},
      {"flipped_before_a_later_segment",
       [&](auto& files) { files[first][frame_ends(files[first]).back() - 3] ^= 1; },
       {first, "the journal goes on in a later segment", "backup"}},
      {"segment_missing",
       [&](auto& files) { files.erase(second); },
       {"a segment is missing before this one", "restore the missing one"}},
      {"first_segment_missing",
       [&](auto& files) { files.erase(first); },
       {"the segments before it are missing"}},
      {"last_segment_missing",
       [&](auto& files) { files.erase(last); },
       {"the journal goes on in a segment", "that file is missing"}},
      {"segment_of_another_journal",
       [&](auto& files) { files[last] = Snapshot{other}.files().rbegin()->second; },
       {last, "belongs to another journal"}},
      {"newer_format",
       [&](auto& files) {
         set(files[last], 8, std::uint32_t{2});
         resign(files[last]);
       },
       {last, "format version 2, and this daemon reads up to 1", "newer daemon"}},
      {"shorter_than_its_header",
       [&](auto& files) { files[last].resize(100); },
       {last, "100 bytes long, shorter than a segment's header"}},
      {"longer_than_it_says",
       [&](auto& files) { files[last].resize(5000); },
       {last, "5000 bytes long, and its header says 4096"}},
      {"foreign_file",
       [&](auto& files) { files[last].assign(4096, 'x'); },
       {last, "not a segment of a journal"}},
      {"renamed",
       [&](auto& files) {
         files["00000000000000009999.hjl"] = files[last];
         files.erase(last);
       },
       {"not with that of its name"}},
      {"header_damaged",
       [&](auto& files) { files[first][40] ^= 1; },
       {first, "the segment's header is damaged"}},
      {"header_zero_before_frames",
       [&](auto& files) { std::fill_n(files[last].begin(), 128, '\0'); },
       {last, "the segment's header is missing, but it holds data"}},
      {"only_segment_zero",
       [&](auto& files) {
         files.clear();
         files[first].assign(4096, '\0');
       },
       {first, "the segment's header is missing"}},
  };
  const TemporaryDirectory directory;
  for (const auto& row : rows) {
    Snapshot journal{whole};
    row.damage(journal.files());
    journal.lay_out(directory.journal());
    const std::string words = testing::refusal(directory.journal());
    for (const auto& part : row.words) EXPECT_THAT(words, HasSubstr(part)) << row.name;
    // And nothing was changed: whoever looks next sees the same.
    EXPECT_EQ(Snapshot{directory.journal()}.files(), journal.files()) << row.name;
    // The look without a daemon says the same, but for the one thing that only a start minds.
    if (row.name != std::string{"last_segment_missing"}) {
      EXPECT_EQ(verify(directory.journal()).damage, words) << row.name;
    }
  }
}

TEST(Recovery, AMachineThatStoppedWhileTheWriterWentOverIsUnderstood) {
  Snapshot whole = small_journal(40);
  const std::string last = whole.files().rbegin()->first;
  const std::string before = std::next(whole.files().rbegin())->first;
  const std::size_t seal = aligned(frame_ends(whole.files()[before]).back());
  const std::int64_t until_last = std::stoll(last.substr(0, 20)) - 1;

  const struct {
    const char* name;
    std::function<void(std::map<std::string, Bytes>&)> damage;
    std::int64_t frames;
  } rows[] = {
      {"not_yet_renamed",
       [&](auto& files) {
         files["next.hjl"] = files[last];
         files.erase(last);
       },
       40},
      {"not_yet_sealed",
       [&](auto& files) { std::fill_n(files[before].begin() + static_cast<long>(seal), 4, '\0'); },
       40},
      {"neither",
       [&](auto& files) {
         files["next.hjl"] = files[last];
         files.erase(last);
         std::fill_n(files[before].begin() + static_cast<long>(seal), 4, '\0');
       },
       40},
      {"dictionary_written_header_not",
       [&](auto& files) {
         files["next.hjl"] = files[last];
         files.erase(last);
         std::fill_n(files["next.hjl"].begin(), 8, '\0');
         std::fill(files["next.hjl"].begin() + 400, files["next.hjl"].end(), '\0');
         std::fill_n(files[before].begin() + static_cast<long>(seal), 4, '\0');
       },
       until_last},
      {"sealed_and_the_next_one_never_written",
       [&](auto& files) {
         files["next.hjl"].assign(small, '\0');
         files.erase(last);
       },
       until_last},
      {"named_and_never_written", [&](auto& files) { files[last].assign(small, '\0'); },
       until_last},
      {"prepared_and_never_used", [&](auto& files) { files["next.hjl"].assign(small, '\0'); }, 40},
  };
  const TemporaryDirectory directory;
  for (const auto& row : rows) {
    Snapshot journal{whole};
    row.damage(journal.files());
    journal.lay_out(directory.journal());
    Recovered recovered;
    ASSERT_EQ(recover(directory.journal(), recovered), row.frames) << row.name;
    // And the journal goes on, through more segments
    append_samples(*open_journal(directory.journal(), small), 100);
    EXPECT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)), 100) << row.name;
    EXPECT_EQ(verify(directory.journal()).damage, "") << row.name;
  }
}

TEST(Recovery, AfterALossOfPowerFramesThatWereNeverDurableMayHaveAHole) {
  // Given mode "power", five frames on disk and five more that no sync has seen
  const TemporaryDirectory origin;
  Snapshot journal = [&] {
    const auto writer = open_journal(origin.journal(), small, true);
    append_samples(*writer, 5);
    EXPECT_TRUE(writer->sync());
    append_samples(*writer, 10);
    return Snapshot{origin.journal()};
  }();
  Bytes& bytes = journal.files().begin()->second;
  const auto ends = frame_ends(bytes);
  ASSERT_EQ(ends.size(), 10U);
  const TemporaryDirectory directory;

  // When the disk has kept the ninth and not the seventh
  std::fill(bytes.begin() + static_cast<long>(aligned(ends[5])),
            bytes.begin() + static_cast<long>(ends[6]), '\0');
  journal.lay_out(directory.journal());
  // Then the journal ends with the sixth: nothing behind it was ever acted upon
  Recovered recovered;
  EXPECT_EQ(recover(directory.journal(), recovered), 6);
  EXPECT_GT(recovered.cut_bytes, 200U);

  // But when it has lost the fourth, which was durable, it is damage
  std::fill(bytes.begin() + static_cast<long>(aligned(ends[2])),
            bytes.begin() + static_cast<long>(ends[3]), '\0');
  journal.lay_out(directory.journal());
  EXPECT_THAT(testing::refusal(directory.journal()), HasSubstr("sequence 4 is damaged"));
  // Also when nothing behind it is left
  std::fill(bytes.begin() + static_cast<long>(aligned(ends[2])), bytes.end(), '\0');
  journal.lay_out(directory.journal());
  EXPECT_THAT(testing::refusal(directory.journal()), HasSubstr("it was on disk once"));
}

// ---- kill -9 ------------------------------------------------------------------------------------

/// Writes samples until it is killed, and says in shared memory how far it is.
[[noreturn]] void write_until_killed(const std::string& directory, bool sync_power,
                                     std::atomic<std::uint64_t>& committed) {
  try {
    const auto journal = open_journal(directory, 1U << 16, sync_power);
    for (std::uint64_t turn = 0;; ++turn) {
      const std::uint64_t sequence = journal->last_sequence() + 1;
      if (testing::append(*journal, sample(sequence))) committed = sequence;
      if (turn % 16 == 0) (void)journal->prepare();
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  ::_exit(1);
}

void survives_kills(bool sync_power, int kills) {
  const TemporaryDirectory directory;
  void* memory = ::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& committed = *new (memory) std::atomic<std::uint64_t>{0};
  std::mt19937 random{42};
  std::uint64_t last = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const std::uint64_t wanted = last + 1 + random() % 1500;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(directory.journal(), sync_power, committed);
    // When the writer is killed somewhere in its work
    int status = 0;
    pid_t ended = 0;
    while (committed.load() < wanted && ended == 0) {
      ::sched_yield();
      ended = ::waitpid(child, &status, WNOHANG);
    }
    ASSERT_EQ(ended, 0) << "the writer ended by itself";
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    // Then every frame that it had committed is there, as it was written
    const std::uint64_t acknowledged = committed;
    Recovered recovered;
    { const auto journal = open_journal(directory.journal(), 1U << 16, recovered, sync_power); }
    ASSERT_GE(recovered.last_sequence, acknowledged);
    ASSERT_LE(recovered.last_sequence, acknowledged + 1);
    ASSERT_EQ(testing::read_samples(*JournalReader::open(directory.journal(), 0)),
              static_cast<std::int64_t>(recovered.last_sequence));
    last = recovered.last_sequence;
  }
  EXPECT_GT(list_segments(directory.journal()).files.size(), 10U);
  ::munmap(memory, sizeof(std::atomic<std::uint64_t>));
}

TEST(Recovery, AKilledWriterLosesNoCommittedFrame) { survives_kills(false, 24); }
TEST(Recovery, AKilledWriterThatSyncsLosesNoCommittedFrame) { survives_kills(true, 20); }

}  // namespace
}  // namespace halcyon::persistence
