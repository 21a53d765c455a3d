#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/read_model.h"
#include "domain/record.h"
#include "engine/engine.h"
#include "persistence/journal.h"
#include "persistence/snapshot.h"

namespace halcyon::daemon {

/// What a journal says, all frames together: the engine's durable state, the names, the newest of
/// each definition and of each sealed secret, and what people are shown. It begins with nothing or
/// with a snapshot, and goes on with the frames behind it; both ways it comes to the same bytes.
/// Decides nothing: frames are applied, as at a start. Thread: one at a time.
class Fold {
 public:
  using Definitions = std::map<std::pair<domain::DefinitionKind, std::uint32_t>,
                               std::pair<domain::Defined, std::string>>;

  /// `engine`: a new one, whose catalog holds every name of the journal.
  Fold(std::unique_ptr<engine::Engine> engine, const std::string& daemon_name);

  /// First, and once. `head` of the snapshot is then where the frames go on.
  void begin_with(const persistence::Snapshot& snapshot);
  void apply(const persistence::FrameView& frame);

  std::uint64_t sequence() const { return sequence_; }
  domain::Timestamp received() const { return received_; }
  const engine::Engine& engine() const { return *engine_; }
  const ReadModel& model() const { return model_; }

  /// The state of a snapshot. Texts are valid until the next `apply`.
  std::vector<domain::RecordEntry> state() const;
  /// Its view.
  std::vector<std::uint8_t> view() const;

 private:
  void apply(const domain::RecordEntry& entry);

  std::unique_ptr<engine::Engine> engine_;
  ReadModel model_;
  Definitions definitions_;
  std::uint64_t sequence_ = 0;
  domain::Timestamp received_;
};

/// A model that begins with a snapshot. Where the snapshot's view is of another version, the model
/// knows the durable state and no history.
void begin_with(ReadModel& model, const persistence::Snapshot& snapshot);

}  // namespace halcyon::daemon
