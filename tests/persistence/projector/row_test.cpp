#include <array>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "persistence/row_batch.h"
#include "persistence/row_set.h"
#include "persistence/row_uuid.h"

using namespace halcyon;
using namespace halcyon::persistence;

namespace {

std::string valid(std::string_view text) {
  std::string out;
  append_valid(text, out);
  return out;
}

std::string time_text(std::int64_t unix_ns) {
  char text[max_time_text];
  return {text, print(domain::from_unix_ns(unix_ns), text)};
}

constexpr Column note_columns[] = {{"id"}, {"said"}, {"first_said", true}};
constexpr TableSpec notes{"notes", "", RowAction::append, note_columns};
constexpr TableSpec last_notes{"notes", "notes", RowAction::upsert, note_columns};
constexpr TableSpec changed_notes{"notes", "changes", RowAction::update, note_columns};

Uuid id(std::uint8_t last) {
  Uuid made;
  made.bytes[15] = last;
  return made;
}

void add(RowSet& rows, std::uint8_t key, std::string_view said, std::uint64_t sequence = 1) {
  rows.start({sequence, 0}, id(key));
  rows.text(said);
  rows.null();
  rows.finish();
}

}  // namespace

TEST(RowUuid, IsTheNameBasedOneOfTheStandard) {
  // Given the name space of DNS names (RFC 4122, appendix C)
  const Uuid dns{{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f,
                  0xd4, 0x30, 0xc8}};
  // When a name is made in it, then it is the published one
  EXPECT_EQ(to_string(name_uuid(dns, "www.example.com")), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST(RowText, KeepsWhatIsUtf8AndMendsTheRest) {
  struct Row {
    const char* name;
    std::string text;
    std::string expected;
  };
  const std::string mark = "\xEF\xBF\xBD";
  const Row rows[] = {
      {"empty", "", ""},
      {"plain", "order rejected: LOT_SIZE", "order rejected: LOT_SIZE"},
      {"tab_newline_backslash_quotes", "a\tb\nc\rd\\e'f\"g", "a\tb\nc\rd\\e'f\"g"},
      {"two_three_four_bytes", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80",
       "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80"},
      {"nul", std::string{"a\0b", 3}, "a" + mark + "b"},
      {"lonely_continuation", "a\x80z", "a" + mark + "z"},
      {"cut_off", "a\xE2\x82", "a" + mark + mark},
      {"overlong_slash", "\xC0\xAF", mark + mark},
      {"surrogate", "\xED\xA0\x80", mark + mark + mark},
      {"above_the_last_character", "\xF4\x90\x80\x80", mark + mark + mark + mark},
      {"latin_1",
       "Gr\xFC\xDF"
       "e",
       "Gr" + mark + mark + "e"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(valid(row.text), row.expected);
  }
}

RC_GTEST_PROP(RowText, IsValidOnceMendedAndWithoutNul, (const std::string& text)) {
  const std::string once = valid(text);
  RC_ASSERT(valid(once) == once);
  RC_ASSERT(once.find('\0') == std::string::npos);
}

TEST(RowText, WritesTimesInUtcCutToMicroseconds) {
  struct Row {
    const char* name;
    std::int64_t unix_ns;
    const char* expected;
  };
  const Row rows[] = {
      {"epoch", 0, "1970-01-01 00:00:00.000000+00"},
      {"nanoseconds_are_cut", 1'723'120'496'789'012'999, "2024-08-08 12:34:56.789012+00"},
      {"before_the_epoch_cut_downwards", -1, "1969-12-31 23:59:59.999999+00"},
      {"leap_day", 1'709'251'199'000'000'000, "2024-02-29 23:59:59.000000+00"},
      {"earliest", INT64_MIN, "1677-09-21 00:12:43.145224+00"},
      {"latest", INT64_MAX, "2262-04-11 23:47:16.854775+00"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(time_text(row.unix_ns), row.expected);
  }
}

TEST(RowSet, EscapesForCopyWhatWouldEndAFieldOrARow) {
  // Given a row with everything that COPY's text format treats specially
  RowSet rows{notes};
  add(rows, 1, "a\tb\nc\rd\\e\\N");
  // When it is written for COPY
  std::string text;
  rows.copy_text(0, rows.size(), text);
  // Then each is escaped, and only the missing value is a bare \N
  EXPECT_EQ(text, "00000000-0000-0000-0000-000000000001\ta\\tb\\nc\\rd\\\\e\\\\N\t\\N\n");
}

TEST(RowSet, KeepsTheLastStateOfAKeyAndEveryAppendedRow) {
  RowSet appended{notes};
  RowSet last{last_notes};
  for (RowSet* rows : {&appended, &last}) {
    add(*rows, 1, "first", 10);
    add(*rows, 2, "other", 11);
    add(*rows, 1, "second", 12);
  }
  EXPECT_EQ(appended.size(), 3U);
  ASSERT_EQ(last.size(), 2U);
  std::vector<const char*> parameters;
  last.parameters(0, parameters);
  EXPECT_STREQ(parameters[1], "second");
  EXPECT_EQ(parameters[2], nullptr);
  EXPECT_EQ(last.mark(0).sequence, 12U);
}

TEST(RowSet, IsAJsonObjectForAPerson) {
  RowSet rows{notes};
  add(rows, 1, "say \"no\"\n\\");
  EXPECT_EQ(rows.json(0),
            "{\"id\": \"00000000-0000-0000-0000-000000000001\", "
            "\"said\": \"say \\\"no\\\"\\u000a\\\\\", \"first_said\": null}");
}

TEST(RowSet, MakesItsStatementsFromItsColumns) {
  EXPECT_EQ(copy_statement_of(notes), "COPY halcyon.notes (id, said, first_said) FROM STDIN");
  EXPECT_EQ(statement_of(last_notes),
            "INSERT INTO halcyon.notes (id, said, first_said) VALUES ($1, $2, $3) "
            "ON CONFLICT (id) DO UPDATE SET said = EXCLUDED.said");
  EXPECT_EQ(statement_of(changed_notes), "UPDATE halcyon.notes SET said = $2 WHERE id = $1");
}

TEST(RowText, WritesAVenueIdAsItsVenueDoes) {
  EXPECT_EQ(to_string(domain::ForeignId::number(0)), "0");
  EXPECT_EQ(to_string(domain::ForeignId::number(UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(to_string(domain::ForeignId{0x61e69015'8550'4d0f, 0x8f3a517b229e60c4}),
            "61e69015-8550-4d0f-8f3a-517b229e60c4");
}
