#include "daemon/fold.h"

#include <utility>

namespace halcyon::daemon {

void begin_with(ReadModel& model, const persistence::Snapshot& snapshot) {
  ReadModel loaded{model.daemon_name()};
  persistence::PartReader in{snapshot.view()};
  if (loaded.load(in)) {
    model = std::move(loaded);
    return;
  }
  persistence::FrameView frame;
  frame.sequence = snapshot.head().sequence;
  frame.received = snapshot.head().received;
  snapshot.each([&](const domain::RecordEntry& entry) {
    frame.records = {&entry, 1};
    model.apply(frame);
  });
}

Fold::Fold(std::unique_ptr<engine::Engine> engine, const std::string& daemon_name)
    : engine_(std::move(engine)), model_(daemon_name) {}

void Fold::begin_with(const persistence::Snapshot& snapshot) {
  snapshot.each([this](const domain::RecordEntry& entry) { apply(entry); });
  daemon::begin_with(model_, snapshot);
  sequence_ = snapshot.head().sequence;
  received_ = snapshot.head().received;
}

void Fold::apply(const persistence::FrameView& frame) {
  for (const domain::RecordEntry& entry : frame.records) apply(entry);
  model_.apply(frame);
  sequence_ = frame.sequence;
  received_ = frame.received;
}

void Fold::apply(const domain::RecordEntry& entry) {
  engine_->apply(entry);
  if (const auto* defined = std::get_if<domain::Defined>(&entry.record)) {
    definitions_[{defined->kind, defined->id}] = {*defined, std::string{entry.text}};
  }
}

std::vector<domain::RecordEntry> Fold::state() const {
  std::vector<domain::RecordEntry> records;
  model_.catalog().each([&](const domain::Named& named, std::string_view text) {
    records.push_back({named, text});
  });
  for (const auto& [key, row] : definitions_) records.push_back({row.first, row.second});
  for (const auto& [key, view] : model_.credentials()) {
    records.push_back({view.changed, view.text});
  }
  engine_->snapshot(records);
  return records;
}

std::vector<std::uint8_t> Fold::view() const {
  persistence::PartWriter out;
  model_.save(out);
  return out.bytes();
}

}  // namespace halcyon::daemon
