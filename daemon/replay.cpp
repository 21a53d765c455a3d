#include "daemon/replay.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/journal_tool.h"
#include "daemon/venues.h"
#include "domain/catalog.h"
#include "engine/engine.h"
#include "persistence/capture.h"
#include "persistence/encoding.h"
#include "persistence/fields.h"
#include "persistence/journal.h"
#include "persistence/journal_dump.h"
#include "persistence/segment.h"
#include "persistence/snapshot.h"

namespace halcyon::daemon {

namespace {

using domain::Event;
using domain::RecordEntry;
using persistence::FrameView;
using persistence::JournalReader;

bool is_same(std::span<const RecordEntry> left, std::span<const RecordEntry> right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const RecordEntry& a, const RecordEntry& b) {
                      return a.text == b.text && persistence::is_same(a.record, b.record);
                    });
}

/// What the daemon, and not the engine, adds to the first frame of a run.
std::span<const RecordEntry> without_definitions(std::span<const RecordEntry> records) {
  const auto first = std::find_if(records.begin(), records.end(), [](const RecordEntry& entry) {
    return !std::holds_alternative<domain::Named>(entry.record) &&
           !std::holds_alternative<domain::Defined>(entry.record);
  });
  return records.subspan(static_cast<std::size_t>(first - records.begin()));
}

bool is_refusals_only(std::span<const RecordEntry> records) {
  return std::all_of(records.begin(), records.end(), [](const RecordEntry& entry) {
    return std::holds_alternative<domain::OrderDenied>(entry.record);
  });
}

class Replay {
 public:
  Replay(const config::Config& config, const std::string& data_dir)
      : config_(config), journal_(journal_in(data_dir)), captures_(data_dir + "/capture") {}

  Replayed run() {
    const auto segments = persistence::list_segments(journal_).files;
    if (segments.empty()) throw std::runtime_error(journal_ + ": there is no journal here");
    begin(segments.front().first_sequence - 1);
    const auto reader = JournalReader::open(journal_, after_, persistence::ReadUpTo::committed);
    uuid_ = reader->uuid();
    FrameView frame;
    while (result_.difference.empty() && reader->next(frame)) {
      for (const RecordEntry& entry : frame.records) {
        const auto* named = std::get_if<domain::Named>(&entry.record);
        if (named != nullptr && !catalog_.restore(*named, entry.text)) {
          throw std::runtime_error(journal_ + ": its names contradict each other");
        }
      }
      if (frame.has_input && std::holds_alternative<domain::Started>(frame.input.what)) {
        start_run(frame.sequence);
      }
      if (!is_covered_) {
        ++result_.passed_over;
        continue;
      }
      step(frame);
    }
    if (result_.runs == 0) {
      throw std::runtime_error(journal_ +
                               ": no start of the daemon is in it, so nothing can be replayed");
    }
    return std::move(result_);
  }

 private:
  /// Where the journal's beginning was removed: with the oldest snapshot that is still followed by
  /// frames.
  void begin(std::uint64_t removed) {
    if (removed == 0) return;
    auto snapshots = persistence::list_snapshots(journal_);
    std::reverse(snapshots.begin(), snapshots.end());
    std::string words;
    for (const auto& file : snapshots) {
      snapshot_ = persistence::load_fitting_snapshot(journal_, file, words);
      if (snapshot_ != nullptr) break;
    }
    if (snapshot_ == nullptr) {
      throw std::runtime_error(
          fmt::format("{}: the journal begins with sequence {}, and no snapshot says what was "
                      "before{}{}",
                      journal_, removed + 1, words.empty() ? "" : ": ", words));
    }
    after_ = snapshot_->sequence();
    snapshot_->each([this](const RecordEntry& entry) {
      if (const auto* named = std::get_if<domain::Named>(&entry.record)) {
        catalog_.restore(*named, entry.text);
      }
    });
  }

  /// A new engine, brought to where it was when the daemon started.
  void start_run(std::uint64_t sequence) {
    ++result_.runs;
    catalog_of_run_ = catalog_;
    engine_ = std::make_unique<engine::Engine>(engine_setup(config_, catalog_of_run_));
    if (snapshot_ != nullptr) {
      snapshot_->each([this](const RecordEntry& entry) { engine_->apply(entry); });
    }
    const auto reader = JournalReader::open(journal_, after_, persistence::ReadUpTo::committed);
    FrameView frame;
    while (reader->next(frame) && frame.sequence < sequence) {
      for (const RecordEntry& entry : frame.records) engine_->apply(entry);
    }
    capture_ = persistence::CaptureReader::open(captures_, uuid_, sequence);
    upcoming_.reset();
    room_ = domain::JournalRoom::open;
    is_covered_ = true;
  }

  /// The next event of the capture, if it was heard before this frame was written.
  const Event* captured(std::uint64_t sequence) {
    if (!upcoming_ && capture_ != nullptr) {
      Event event;
      bool has_gap = false;
      if (capture_->next(event, has_gap)) {
        if (has_gap) pass_over("the capture lacks events before sequence", event.sequence);
        upcoming_ = event;
      }
    }
    return upcoming_ && upcoming_->sequence <= sequence ? &*upcoming_ : nullptr;
  }

  void pass_over(std::string_view why, std::uint64_t sequence) {
    is_covered_ = false;
    if (!result_.gap.empty()) return;
    result_.gap = fmt::format("{} {}", why, sequence);
    if (capture_ != nullptr && !capture_->words().empty()) result_.gap += "; " + capture_->words();
  }

  std::span<const RecordEntry> decide(const Event& event, std::string_view remark,
                                      std::uint64_t sequence) {
    outputs_.clear();
    engine_->on_event(event, remark, sequence, outputs_);
    return outputs_.records;
  }

  void step(const FrameView& frame) {
    // What was heard before the frame decided nothing, but for the last when it made the frame.
    std::optional<Event> heard;
    while (const Event* next = captured(frame.sequence)) {
      if (!is_covered_) break;
      const Event event = *next;
      heard = event;
      upcoming_.reset();
      ++result_.captured;
      const auto records = decide(event, {}, frame.sequence);
      if (records.empty()) continue;
      const bool is_left_out = room_ == domain::JournalRoom::reserve && is_refusals_only(records);
      const bool is_last = captured(frame.sequence) == nullptr;
      if (!frame.has_input && is_last && is_covered_) {
        compare(frame, event, records);
        return;
      }
      if (is_left_out) continue;
      if (is_covered_) differ(frame, event, records);
      return;
    }
    if (!is_covered_) {
      ++result_.passed_over;
      return;
    }
    if (!frame.has_input) {
      // The capture goes on without a gap, so what made the frame was heard, and makes nothing now.
      if (heard && upcoming_) return differ(frame, *heard, {});
      pass_over("no capture says what was heard before sequence", frame.sequence);
      ++result_.passed_over;
      return;
    }
    if (const auto* changed = std::get_if<domain::JournalRoomChanged>(&frame.input.what)) {
      room_ = changed->room;
    }
    compare(frame, frame.input, decide(frame.input, frame.remark, frame.sequence));
  }

  void compare(const FrameView& frame, const Event& event, std::span<const RecordEntry> records) {
    const bool is_start = std::holds_alternative<domain::Started>(event.what);
    const auto wanted = is_start ? without_definitions(frame.records) : frame.records;
    if (!is_same(wanted, records)) return differ(frame, event, records);
    ++result_.compared;
  }

  void differ(const FrameView& frame, const Event& event, std::span<const RecordEntry> records) {
    FrameView now = frame;
    now.records = records;
    now.has_input = !domain::is_market(event);
    now.input = event;
    now.input_type = static_cast<std::uint16_t>(event.what.index());
    result_.difference =
        fmt::format("first difference at sequence {}\n  journal: {}\n  decided: {}", frame.sequence,
                    persistence::dump_json(frame), persistence::dump_json(now));
  }

  const config::Config& config_;
  const std::string journal_;
  const std::string captures_;
  Replayed result_;
  persistence::JournalUuid uuid_;
  std::shared_ptr<const persistence::Snapshot> snapshot_;
  std::uint64_t after_ = 0;
  domain::Catalog catalog_;         ///< of all frames so far
  domain::Catalog catalog_of_run_;  ///< as it was when the run began
  std::unique_ptr<engine::Engine> engine_;
  engine::Outputs outputs_;
  std::unique_ptr<persistence::CaptureReader> capture_;
  std::optional<Event> upcoming_;
  domain::JournalRoom room_ = domain::JournalRoom::open;
  bool is_covered_ = false;
};

}  // namespace

Replayed replay(const config::Config& config, const std::string& data_dir) {
  return Replay{config, data_dir}.run();
}

}  // namespace halcyon::daemon
