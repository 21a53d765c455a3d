#include "engine/decisions.h"

#include "domain/check.h"

namespace halcyon::engine {

void Decisions::begin(const domain::Event& event, std::uint64_t journal_sequence,
                      Outputs& outputs) {
  outputs_ = &outputs;
  journal_sequence_ = journal_sequence;
  received_ = event.received;
  now_ = std::max(now_, event.received);
  text_used_ = 0;
}

void Decisions::record(const domain::Record& record, std::string_view text) {
  outputs_->records.push_back({record, text});
  apply_(state_, outputs_->records.back());
}

void Decisions::command(const domain::OrderCommand& command) {
  domain::OrderCommand stamped = command;
  stamped.journal_sequence = journal_sequence_;
  stamped.decided = received_;
  outputs_->commands.push_back(stamped);
}

void Decisions::notice(domain::Severity severity, domain::NoticeCode code, std::string_view text,
                       domain::AccountId account, domain::InstrumentId instrument,
                       domain::OrderId order) {
  record(domain::NoticeRaised{severity, code, account, instrument, order}, text);
}

std::string_view Decisions::keep(std::string_view text) {
  const std::size_t length = std::min(text.size(), text_capacity - text_used_);
  char* const start = text_.get() + text_used_;
  std::copy_n(text.begin(), length, start);
  text_used_ += length;
  return {start, length};
}

domain::OrderId Decisions::next_id() {
  HALCYON_CHECK(epoch_ != 0, "ids are given after the Started event only");
  HALCYON_CHECK(counter_ != UINT32_MAX, "a run gives fewer than 2^32 ids");
  return {epoch_, ++counter_};
}

}  // namespace halcyon::engine
