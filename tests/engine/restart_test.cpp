// A restart at any byte: the journal of a busy minute is cut in the middle of everything, and what
// is recovered is exactly the state after its last whole frame.

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "harness.h"
#include "tests/persistence/journal/samples.h"

namespace halcyon::engine::testing {
namespace {

using persistence::testing::TemporaryDirectory;
using persistence::testing::Where;

constexpr std::uint64_t segment_bytes = 1 << 20;

/// A minute with everything in it that is durable.
void live(Harness& h) {
  const auto say = [&h](decltype(Command::what) what) {
    h.command(what);
    return h.all<CommandAnswered>().back().order;
  };
  const auto price = [&h](Price at) {
    Trade trade;
    trade.price = at;
    trade.quantity = "1"_qty;
    h.send(trade);
  };
  h.begin();
  SubmitOrder what;
  what.account = h.account;
  what.instrument = h.btc;
  what.quantity = "3"_qty;
  what.limit_price = "99"_px;
  what.stop_loss = "96"_px;
  what.take_profit = "103"_px;
  const OrderId entry = say(what);
  h.outcome(entry, Outcome::sent);
  h.outcome(entry, Outcome::acknowledged);
  h.fill(entry, "1"_qty, "99"_px, 1);
  const OrderId leg = say(AmendOrder{entry, {{}, "98.5"_px, {}}});
  h.report(entry, VenueOrderStatus::canceled, "1"_qty);
  h.outcome(leg, Outcome::unknown);
  price("97"_px);
  h.fill(leg, "2"_qty, "98.5"_px, 2);
  price("95.9"_px);
  h.pass(2s);
  SubmitOrder trailing = what;
  trailing.side = Side::sell;
  trailing.limit_price = trailing.stop_loss = trailing.take_profit = {};
  trailing.type = OrderType::trailing_stop;
  trailing.trailing_offset = "2"_px;
  trailing.quantity = "1"_qty;
  say(trailing);
  price("104"_px);
  price("105"_px);
  TradeCorrected bust;
  bust.trade = ForeignId::number(1);
  h.send(bust);
  SetLimit limit;
  limit.key = LimitKey::max_open_orders;
  limit.value = "7"_usd;
  say(limit);
  say(PauseStrategy{h.strategy, true});
  ExternalFlow flow;
  flow.asset = h.usdt;
  flow.amount = "12"_usd;
  h.send(flow);
  h.disconnect();
  h.pass(3s);
  h.connect();
  say(Flatten{});
  say(KillSwitch{});
}

TEST(Restart, G5_AtAnyByteOfTheJournalGivesTheStateAfterItsLastWholeFrame) {
  const TemporaryDirectory written{Where::memory};
  std::map<std::uint64_t, std::vector<std::string>> states;
  Harness h;
  {
    auto journal = persistence::testing::open_journal(written.journal(), segment_bytes);
    persistence::testing::prepare_fully(*journal);
    states[0] = h.snapshot();
    h.tap = [&](const Event& event, std::string_view remark, const Outputs& outputs) {
      if (is_market(event) && outputs.records.empty()) return;
      ASSERT_TRUE(journal->append(event, remark, outputs.records)) << journal->last_error();
      states[journal->last_sequence()] = h.snapshot();
    };
    live(h);
    h.tap = {};
  }
  ASSERT_GT(states.size(), 40U);

  persistence::testing::Snapshot files{written.journal()};
  ASSERT_EQ(files.files().size(), 1U);
  persistence::testing::Bytes& bytes = files.files().begin()->second;
  const persistence::testing::Bytes whole = bytes;
  std::size_t used = whole.size();
  while (used > 0 && whole[used - 1] == 0) --used;
  ASSERT_GT(used, 5000U);

  const TemporaryDirectory cut_at{Where::memory};
  std::size_t seen = 0;
  std::set<std::uint64_t> frames;
  // Every byte of the last frames; of the rest, a prime step meets every offset within a frame.
  for (std::size_t cut = 512; cut <= used; cut += cut + 600 > used ? 1 : 37) {
    bytes = whole;
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(cut), bytes.end(), 0);
    files.lay_out(cut_at.journal());
    Engine engine{h.setup};
    persistence::Recovered recovered;
    const auto journal =
        persistence::Journal::open({cut_at.journal(), segment_bytes, false}, recovered,
                                   [&](const RecordEntry& entry) { engine.apply(entry); });
    std::vector<RecordEntry> records;
    engine.snapshot(records);
    ASSERT_EQ(to_text(records), states.at(recovered.last_sequence))
        << "cut at byte " << cut << " of " << used;
    frames.insert(recovered.last_sequence);
    ++seen;
  }
  EXPECT_GT(seen, 600U);
  EXPECT_GT(frames.size(), states.size() / 2);
}

}  // namespace
}  // namespace halcyon::engine::testing
