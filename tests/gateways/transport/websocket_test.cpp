#include "gateways/transport/websocket.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/gateways/transport/test_server.h"

namespace halcyon::gateways::transport {
namespace {

using test::close_frame;
using test::server_frame;
using Item = FrameReader::Item;
using namespace std::string_literals;

/// What came out of a reader, kept.
struct Seen {
  Item item;
  bool is_text;
  std::string payload;
  friend bool operator==(const Seen&, const Seen&) = default;
};

void take_all(FrameReader& reader, std::vector<Seen>& seen) {
  for (;;) {
    Frame frame;
    const Item item = reader.next(frame);
    if (item == Item::none) return;
    if (item == Item::close || item == Item::error) {
      seen.push_back({item, false, std::to_string(reader.close_code()) + " " + reader.why()});
    } else {
      seen.push_back({item, frame.is_text, std::string{frame.text()}});
    }
  }
}

/// Feeds `bytes` in pieces of the given sizes, again from the first when they run out.
std::vector<Seen> feed(std::string_view bytes, const std::vector<std::size_t>& pieces,
                       FrameReader& reader) {
  std::vector<Seen> seen;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const std::span<char> room = reader.prepare();
    EXPECT_GE(room.size(), FrameReader::min_read);
    const std::size_t size =
        std::min({bytes.size(), room.size(), std::max<std::size_t>(pieces[i % pieces.size()], 1)});
    std::copy_n(bytes.data(), size, room.data());
    reader.commit(size);
    bytes.remove_prefix(size);
    take_all(reader, seen);
  }
  return seen;
}

std::vector<Seen> feed(std::string_view bytes) {
  FrameReader reader;
  return feed(bytes, {bytes.size()}, reader);
}

Seen text(std::string payload) { return {Item::message, true, std::move(payload)}; }

TEST(FrameReader, HandsOutSeveralMessagesOfOneReadInOrder) {
  const std::string bytes = server_frame(1, "one") + server_frame(2, "two") + server_frame(1, "");
  EXPECT_EQ(feed(bytes), (std::vector<Seen>{text("one"), {Item::message, false, "two"}, text("")}));
}

TEST(FrameReader, KeepsPaddingBehindEveryMessage) {
  // Given a message that fills the room which prepare gives to the last byte
  FrameReader reader;
  const std::size_t room = reader.prepare().size();
  const std::string payload(room - 10, 'x');
  const std::string bytes = server_frame(1, payload);
  ASSERT_EQ(bytes.size(), room);
  std::copy(bytes.begin(), bytes.end(), reader.prepare().begin());
  reader.commit(bytes.size());
  Frame frame;
  ASSERT_EQ(reader.next(frame), Item::message);
  // Then the bytes behind it may be read (AddressSanitizer is the judge)
  volatile unsigned sum = 0;
  for (std::size_t i = 0; i < Frame::padding; ++i) {
    sum = sum + static_cast<unsigned char>(frame.data[frame.size + i]);
  }
}

TEST(FrameReader, JoinsFragmentsAroundPings) {
  const std::string bytes = server_frame(1, "Hal", false) + server_frame(9, "are you there") +
                            server_frame(0, "cy", false) + server_frame(0, "", false) +
                            server_frame(10, "") + server_frame(0, "on") + server_frame(1, "next");
  EXPECT_EQ(feed(bytes), (std::vector<Seen>{{Item::ping, false, "are you there"},
                                            {Item::pong, false, ""},
                                            text("Halcyon"),
                                            text("next")}));
}

TEST(FrameReader, ChecksUtf8OverTheWholeMessageAndNotByFragment) {
  // "é" cut in the middle is fine once joined
  EXPECT_EQ(feed(server_frame(1, "\xc3", false) + server_frame(0, "\xa9")),
            std::vector<Seen>{text("\xc3\xa9")});
}

TEST(FrameReader, GrowsForALargeMessageAndGoesOn) {
  const std::string large(5'000'000, 'x');
  FrameReader reader;
  const auto seen =
      feed(server_frame(1, large) + server_frame(1, "small"), {16'000, 3, 100'000}, reader);
  EXPECT_EQ(seen, (std::vector<Seen>{text(large), text("small")}));
}

TEST(FrameReader, TakesAMessageOfExactlyTheLimitAndNoByteMore) {
  const auto with_limit = [](const std::string& bytes) {
    FrameReader reader{1000};
    return feed(bytes, {bytes.size()}, reader);
  };
  const std::string limit(1000, 'x');
  EXPECT_EQ(with_limit(server_frame(1, limit)), std::vector<Seen>{text(limit)});
  EXPECT_EQ(with_limit(server_frame(1, limit, false) + server_frame(0, "")),
            std::vector<Seen>{text(limit)});
  const Seen refused{Item::error, false,
                     "1009 a message of at least 1001 bytes; at most 1000 are taken"};
  EXPECT_EQ(with_limit(server_frame(1, limit + "x")), std::vector<Seen>{refused});
  EXPECT_EQ(with_limit(server_frame(1, limit, false) + server_frame(0, "x")),
            std::vector<Seen>{refused});
}

TEST(FrameReader, RefusesAHugeMessageByItsHeaderAlone) {
  const auto seen = feed("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].item, Item::error);
  EXPECT_TRUE(seen[0].payload.starts_with("1009 a message of at least 9223372036854775807"))
      << seen[0].payload;
}

TEST(FrameReader, SurvivesEndlessEmptyFragmentsInBoundedMemory) {
  // Given more empty fragments than any buffer would hold as gaps
  FrameReader reader{1000, 0};
  std::vector<Seen> seen = feed(server_frame(1, "a", false), {100}, reader);
  std::string empty;
  for (int i = 0; i < 20'000; ++i) empty += server_frame(0, "", false);
  for (int i = 0; i < 10; ++i) feed(empty, {7'001}, reader);
  // Then the message is still whole
  seen = feed(server_frame(0, "b"), {100}, reader);
  EXPECT_EQ(seen, std::vector<Seen>{text("ab")});
}

struct Broken {
  const char* name;
  std::string bytes;
  const char* code_and_words;
};

class FrameReaderRefuses : public testing::TestWithParam<Broken> {};

TEST_P(FrameReaderRefuses, SaysWhatThePeerDidWrong) {
  // Given a good message and then a broken frame, whole or byte by byte, and more behind it
  const std::string bytes = server_frame(1, "good") + GetParam().bytes + server_frame(1, "late");
  for (const std::size_t piece : {bytes.size(), std::size_t{1}}) {
    FrameReader reader{100'000};
    const auto seen = feed(bytes, {piece}, reader);
    // Then the good one came, the broken one is named, and nothing behind it is believed
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0], text("good"));
    EXPECT_EQ(seen[1].item, Item::error);
    EXPECT_TRUE(seen[1].payload.starts_with(GetParam().code_and_words)) << seen[1].payload;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Protocol, FrameReaderRefuses,
    testing::Values(
        Broken{"reserved_bit_1", "\xc1\x00"s, "1002 a reserved bit"},
        Broken{"reserved_bit_2", "\xa1\x00"s, "1002 a reserved bit"},
        Broken{"reserved_bit_3", "\x91\x00"s, "1002 a reserved bit"},
        Broken{"masked", "\x81\x81\x01\x02\x03\x04x"s, "1002 a frame from the server is masked"},
        Broken{"data_opcode_3", "\x83\x00"s, "1002 an unknown kind of data frame"},
        Broken{"data_opcode_7", "\x87\x00"s, "1002 an unknown kind of data frame"},
        Broken{"control_opcode_11", "\x8b\x00"s, "1002 an unknown kind of control frame"},
        Broken{"control_opcode_15", "\x8f\x00"s, "1002 an unknown kind of control frame"},
        Broken{"ping_in_fragments", "\x09\x00"s, "1002 a control frame in fragments"},
        Broken{"long_ping", server_frame(9, std::string(126, 'x')), "1002 a control frame longer"},
        Broken{"stray_continuation", server_frame(0, "x"), "1002 a continuation of no message"},
        Broken{"message_in_message", server_frame(1, "a", false) + server_frame(1, "b"),
               "1002 a new message inside"},
        Broken{"length_too_wide_16", "\x81\x7e\x00\x01x"s, "1002 a length in too many bytes"},
        Broken{"length_too_wide_64", "\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01x"s,
               "1002 a length in too many bytes"},
        Broken{"top_bit_of_length", "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"s, "1009"},
        Broken{"too_big", server_frame(1, std::string(100'001, 'x')), "1009"},
        Broken{"bad_utf8", server_frame(1, "\xff"), "1007 a text message"},
        Broken{"cut_utf8", server_frame(1, "ab\xe2\x82"), "1007 a text message"},
        Broken{"surrogate", server_frame(1, "\xed\xa0\x80"), "1007 a text message"},
        Broken{"overlong", server_frame(1, "\xc0\xaf"), "1007 a text message"},
        Broken{"half_close_code", server_frame(8, "\x03"), "1002 a close frame with half a code"},
        Broken{"close_code_1005", close_frame(1005, ""), "1002 a close frame with code 1005"},
        Broken{"close_code_999", close_frame(999, ""), "1002 a close frame with code 999"},
        Broken{"close_code_2000", close_frame(2000, ""), "1002 a close frame with code 2000"},
        Broken{"close_code_5000", close_frame(5000, ""), "1002 a close frame with code 5000"},
        Broken{"close_reason", close_frame(1000, "\xff"), "1007 a close frame"}),
    [](const auto& row) { return row.param.name; });

TEST(FrameReader, TellsCodeAndReasonOfACloseAndIgnoresWhatFollows) {
  EXPECT_EQ(feed(close_frame(1008, "Too many requests") + server_frame(1, "late")),
            (std::vector<Seen>{{Item::close, false, "1008 Too many requests"}}));
  EXPECT_EQ(feed(server_frame(8, "")), (std::vector<Seen>{{Item::close, false, "1005 "}}));
  EXPECT_EQ(feed(close_frame(4999, "")), (std::vector<Seen>{{Item::close, false, "4999 "}}));
}

// ---- Properties ---------------------------------------------------------------------------------

/// A stream of good frames: messages in any number of fragments, with pings and pongs anywhere.
struct Stream {
  std::string bytes;
  std::vector<Seen> expected;
};

Stream arbitrary_stream() {
  Stream stream;
  const auto payload = [](std::size_t most) {
    // Lengths around the borders of the three length forms are the interesting ones.
    const auto size = *rc::gen::weightedOneOf<std::size_t>(
        {{6, rc::gen::inRange<std::size_t>(0, 40)},
         {2, rc::gen::element<std::size_t>(125, 126, 127)},
         {1, rc::gen::element<std::size_t>(65'535, 65'536, 70'000)}});
    return std::string(std::min(size, most), *rc::gen::inRange('a', 'z'));
  };
  const auto maybe_control = [&] {
    if (*rc::gen::inRange(0, 4) != 0) return;
    const bool is_ping = *rc::gen::arbitrary<bool>();
    const std::string body = payload(125);
    stream.bytes += server_frame(is_ping ? 9 : 10, body);
    stream.expected.push_back({is_ping ? Item::ping : Item::pong, false, body});
  };
  const int messages = *rc::gen::inRange(0, 8);
  for (int i = 0; i < messages; ++i) {
    const unsigned opcode = *rc::gen::element(1U, 2U);
    const int fragments = *rc::gen::inRange(1, 5);
    std::string whole;
    for (int j = 0; j < fragments; ++j) {
      maybe_control();
      const std::string part = payload(70'000);
      stream.bytes += server_frame(j == 0 ? opcode : 0, part, j + 1 == fragments);
      whole += part;
    }
    stream.expected.push_back({Item::message, opcode == 1, whole});
  }
  if (*rc::gen::inRange(0, 4) == 0) {
    stream.bytes += close_frame(1001, "bye");
    stream.expected.push_back({Item::close, false, "1001 bye"});
  }
  return stream;
}

RC_GTEST_PROP(FrameReaderProperty, AnySplitOfAStreamGivesTheSameMessages, ()) {
  const Stream stream = arbitrary_stream();
  const auto pieces =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(rc::gen::oneOf(
          rc::gen::inRange<std::size_t>(1, 20), rc::gen::inRange<std::size_t>(1, 20'000))));
  FrameReader reader{std::size_t{1} << 20, 0};  // the smallest buffer moves its content most
  RC_ASSERT(feed(stream.bytes, pieces, reader) == stream.expected);
}

/// The frames of a writer, read by the test's own eyes.
std::vector<test::ClientFrame> read_back(std::span<const char> bytes) {
  std::vector<test::ClientFrame> frames;
  std::size_t at = 0;
  const auto byte = [&] { return static_cast<unsigned char>(bytes[at++]); };
  while (at < bytes.size()) {
    test::ClientFrame frame;
    const unsigned first = byte(), second = byte();
    frame.is_final = (first & 0x80U) != 0;
    frame.opcode = first & 0x7fU;
    frame.is_masked = (second & 0x80U) != 0;
    std::size_t size = second & 0x7fU;
    if (size >= 126) {
      const int wide = size == 126 ? 2 : 8;
      size = 0;
      for (int i = 0; i < wide; ++i) size = size << 8 | byte();
    }
    unsigned char mask[4] = {};
    for (unsigned char& m : mask) m = byte();
    for (std::size_t i = 0; i < size; ++i) frame.payload += static_cast<char>(byte() ^ mask[i % 4]);
    frames.push_back(frame);
  }
  return frames;
}

RC_GTEST_PROP(FrameWriterProperty, WritesWhatAServerCanRead, (std::uint64_t seed)) {
  FrameWriter writer{std::size_t{1} << 20, seed};
  std::vector<std::string> payloads;
  const int count = *rc::gen::inRange(1, 6);
  for (int i = 0; i < count; ++i) {
    const auto size =
        *rc::gen::oneOf(rc::gen::inRange<std::size_t>(0, 300),
                        rc::gen::element<std::size_t>(125, 126, 127, 65'535, 65'536, 66'000));
    std::string payload(size, '\0');
    for (std::size_t j = 0; j < size; ++j)
      payload[j] = static_cast<char>('a' + (j * 7 + seed) % 26);
    RC_ASSERT(writer.write(FrameWriter::Opcode::text, payload));
    payloads.push_back(payload);
  }
  const auto frames = read_back(writer.pending());
  RC_ASSERT(frames.size() == payloads.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    RC_ASSERT(frames[i].is_final);
    RC_ASSERT(frames[i].is_masked);
    RC_ASSERT(frames[i].opcode == 1U);
    RC_ASSERT(frames[i].payload == payloads[i]);
  }
}

TEST(FrameWriter, RefusesWhatDoesNotFitAndKeepsRoomForControlFrames) {
  FrameWriter writer{100, 1};
  // Given a queue that is full
  ASSERT_TRUE(writer.write(FrameWriter::Opcode::text, std::string(60, 'x')));
  const std::size_t before = writer.size();
  EXPECT_FALSE(writer.write(FrameWriter::Opcode::text, std::string(60, 'y')));
  EXPECT_EQ(writer.size(), before) << "a refused frame leaves nothing behind";
  // Then a pong and a close still fit
  EXPECT_TRUE(writer.write(FrameWriter::Opcode::pong, std::string(125, 'p')));
  EXPECT_TRUE(writer.write(FrameWriter::Opcode::close, close_payload(CloseCode::normal, "bye")));
  EXPECT_FALSE(writer.write(FrameWriter::Opcode::pong, std::string(126, 'p')));
  const auto frames = read_back(writer.pending());
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[2].payload, "\x03\xe8"s + "bye");
}

TEST(FrameWriter, KeepsTheOrderWhenItIsEmptiedInPieces) {
  FrameWriter writer{1000, 7};
  std::string sent;
  int written = 0;
  for (int turn = 0; turn < 500; ++turn) {
    while (writer.write(FrameWriter::Opcode::text, "message " + std::to_string(written))) ++written;
    const std::size_t part =
        std::min<std::size_t>(writer.size(), 1 + static_cast<std::size_t>(turn) % 333);
    sent.append(writer.pending().data(), part);
    writer.consume(part);
  }
  sent.append(writer.pending().data(), writer.pending().size());
  const auto frames = read_back(sent);
  ASSERT_EQ(frames.size(), static_cast<std::size_t>(written));
  for (int i = 0; i < written; ++i) {
    ASSERT_EQ(frames[static_cast<std::size_t>(i)].payload, "message " + std::to_string(i));
  }
}

TEST(FrameWriter, MasksEveryFrameAnew) {
  FrameWriter writer{1000, 1};
  writer.write(FrameWriter::Opcode::text, "same text");
  const std::string first{writer.pending().data(), writer.pending().size()};
  writer.consume(writer.size());
  writer.write(FrameWriter::Opcode::text, "same text");
  const std::string second{writer.pending().data(), writer.pending().size()};
  EXPECT_NE(first, second);
}

TEST(ClosePayload, CutsALongReasonAtAWholeCharacter) {
  const std::string reason = std::string(122, 'x') + "\xc3\xa9";
  const std::string payload = close_payload(CloseCode::normal, reason);
  EXPECT_EQ(payload.size(), 2U + 122U);
  EXPECT_EQ(close_payload(CloseCode::normal, std::string(200, 'x')).size(),
            FrameWriter::max_control);
}

}  // namespace
}  // namespace halcyon::gateways::transport
