#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "domain/command.h"
#include "domain/event.h"
#include "domain/record.h"
#include "engine/outputs.h"

namespace halcyon::engine {

/// The only way in which the engine's parts act: a record is appended to the outputs of the event
/// and applied to the state at once; a command or a question is appended. Also the parts' view of
/// engine time, and the giver of ids. Engine time is the running maximum of `received` times.
class Decisions {
 public:
  using Apply = void (*)(void* state, const domain::RecordEntry&);
  /// Texts of one event together; more is cut.
  static constexpr std::size_t text_capacity = 65'536;

  Decisions(void* state, Apply apply)
      : state_(state), apply_(apply), text_(std::make_unique<char[]>(text_capacity)) {}

  void begin(const domain::Event& event, std::uint64_t journal_sequence, Outputs& outputs);

  domain::Timestamp now() const { return now_; }

  /// `text` must be static or come from `text` or `keep`.
  void record(const domain::Record& record, std::string_view text = {});
  void command(const domain::OrderCommand& command);
  void ask(const domain::VenueRequest& request) { outputs_->requests.push_back(request); }

  void notice(domain::Severity severity, domain::NoticeCode code, std::string_view text,
              domain::AccountId account = domain::no<domain::AccountId>,
              domain::InstrumentId instrument = domain::no<domain::InstrumentId>,
              domain::OrderId order = {});

  /// Words that live until the next event.
  template <class... Args>
  std::string_view text(fmt::format_string<Args...> format, Args&&... args) {
    char* const start = text_.get() + text_used_;
    const auto written =
        fmt::format_to_n(start, text_capacity - text_used_, format, std::forward<Args>(args)...);
    const std::size_t length = std::min(written.size, text_capacity - text_used_);
    text_used_ += length;
    return {start, length};
  }
  std::string_view keep(std::string_view text);

  /// The ids of this run: its epoch and a counter from 1.
  void set_epoch(std::uint32_t epoch) { epoch_ = epoch; }
  std::uint32_t epoch() const { return epoch_; }
  domain::OrderId next_id();

  /// When a part wants to hear of time again.
  void wake_at(domain::Timestamp time) { deadline_ = std::min(deadline_, time); }
  domain::Timestamp deadline() const { return deadline_; }
  void clear_deadline() { deadline_ = domain::never; }

 private:
  void* state_;
  Apply apply_;
  Outputs* outputs_ = nullptr;
  std::uint64_t journal_sequence_ = 0;
  domain::Timestamp now_;
  domain::Timestamp received_;
  domain::Timestamp deadline_ = domain::never;
  std::unique_ptr<char[]> text_;
  std::size_t text_used_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint32_t counter_ = 0;
};

}  // namespace halcyon::engine
