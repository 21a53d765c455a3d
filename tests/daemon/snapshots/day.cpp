#include "tests/daemon/snapshots/day.h"

#include <filesystem>
#include <stdexcept>

#include "persistence/encoding.h"

namespace halcyon::daemon::testing {

using namespace domain;
using namespace domain::literals;
using namespace std::chrono_literals;
using persistence::testing::open_journal;

Day::Day() : journal_(open_journal(journal_directory_, 1U << 16)) {
  harness_.on_sent = [this](const Event& event, std::string_view remark,
                            const engine::Outputs& outputs) {
    std::vector<RecordEntry> records;
    if (journal_->last_sequence() == 0) {
      harness_.catalog.each([&](const Named& named, std::string_view text) {
        records.push_back({named, text});
      });
      records.push_back({Defined{DefinitionKind::strategy, 0, 1, daemon_user}, "type = \"x\""});
    }
    records.insert(records.end(), outputs.records.begin(), outputs.records.end());
    while (!journal_->append(event, remark, records)) {
      if (journal_->prepare() == 0) throw std::runtime_error(journal_->last_error());
    }
  };
  harness_.begin();
}

void Day::start(std::uint32_t epoch) {
  harness_.start(epoch);
  harness_.hear_rules();
  harness_.quote("99"_px, "101"_px);
  harness_.connect();
}

void Day::restart() {
  harness_.restart_from_journal();
  start(harness_.epoch + 1);
}

void Day::step(const Step& step) {
  auto& h = harness_;
  const OrderId order = orders_.empty() ? OrderId{} : orders_[step.second % orders_.size()];
  switch (step.first % 12) {
    case 0:
    case 1:
      h.quote("99"_px, "101"_px);
      if (const OrderId made = h.want(step.second % 6 * 10); !made.is_none()) {
        orders_.push_back(made);
      }
      break;
    case 2:
      if (!order.is_none()) h.outcome(order, Outcome::acknowledged);
      break;
    case 3:
    case 4:
      // In parts, or what the newest order asks for as a whole.
      if (order.is_none()) break;
      if (step.second % 3 == 0) {
        h.fill(order, Quantity::from_raw(1'000'000 + step.second), "100.25"_px, ++trades_);
      } else {
        // A fill may make further commands, so what is there now is looked through first.
        std::vector<Quantity> asked_for;
        for (const auto& command : h.commands()) {
          const auto* asked = std::get_if<Approved<NewOrder>>(&command.what);
          if (asked == nullptr || asked->value().id != orders_.back()) continue;
          asked_for.push_back(asked->value().quantity);
        }
        for (const Quantity quantity : asked_for) {
          h.fill(orders_.back(), quantity, "100.25"_px, ++trades_);
        }
      }
      break;
    case 5:
      if (!order.is_none()) {
        h.report(order, VenueOrderStatus::canceled, Quantity{}, 0, Source::private_stream);
      }
      break;
    case 6:
      h.command(CancelAll{});
      break;
    case 7:
      h.pass(std::chrono::milliseconds{step.second % 3000});
      break;
    case 8:
      h.command(SetTradingState{
          {}, step.second % 2 == 0 ? TradingState::reducing : TradingState::active});
      break;
    case 9: {
      Balance balance;
      balance.asset = step.second % 2 == 0 ? h.usdt : h.btc_asset;
      balance.free = Money::from_units(1000 + step.second % 7);
      h.send(balance);
      break;
    }
    case 10:
      h.disconnect();
      h.pass(1s);
      h.connect();
      break;
    default:
      if (step.second % 4 == 0) restart();
      if (!order.is_none()) {
        h.outcome(order, Outcome::refused, Reason::venue_refused, RequestKind::place, {},
                  "the venue's words");
      }
      break;
  }
}

void Day::live() {
  std::uint64_t number = 0;
  for (int round = 0; round < 12; ++round) {
    for (std::uint8_t kind = 0; kind < 12; ++kind) {
      step({kind, static_cast<std::uint16_t>(mix(++number))});
    }
    // Two secrets come, and one of them is sealed anew.
    const std::string secret = "main api_key " + std::to_string(round + 1) + " abcd QUJD\n";
    harness_.send(Command{1'000'000 + number, daemon_user, PutCredentials{round == 0 ? 2U : 1U}},
                  secret + (round == 0 ? "main private_key 1 - QUJE\n" : "") + "why");
  }
}

std::vector<std::uint8_t> bytes_of(const Fold& fold) {
  std::vector<std::uint8_t> bytes = fold.view();
  for (const RecordEntry& entry : fold.state()) {
    const std::size_t at = bytes.size();
    bytes.resize(at + persistence::record_bytes(entry));
    persistence::put_record(bytes.data() + at, entry);
  }
  return bytes;
}

void read_up_to(Fold& fold, const std::string& journal, std::uint64_t sequence) {
  if (fold.sequence() >= sequence) return;
  const auto reader = persistence::JournalReader::open(journal, fold.sequence());
  persistence::FrameView frame;
  while (fold.sequence() < sequence && reader->next(frame)) fold.apply(frame);
}

std::shared_ptr<const persistence::Snapshot> snapshot_of(const Fold& fold, const Day& day) {
  persistence::SnapshotHead head;
  head.uuid = day.uuid();
  head.sequence = fold.sequence();
  head.received = fold.received();
  const auto file = persistence::write_snapshot(day.journal(), head, fold.state(), fold.view());
  std::string words;
  auto snapshot = persistence::Snapshot::load(file.path, words);
  if (snapshot == nullptr) throw std::runtime_error(words);
  std::filesystem::remove(file.path);
  return snapshot;
}

}  // namespace halcyon::daemon::testing
