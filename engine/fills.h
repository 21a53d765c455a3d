#pragma once

#include <cstdint>
#include <vector>

#include "domain/record.h"
#include "engine/flat_map.h"
#include "engine/keys.h"

namespace halcyon::engine {

/// Which executions are booked, so that each is applied once for ever: the last `kept` of them by
/// (account, instrument, trade id), and behind them, per account and instrument, the newest one
/// that was let go. Where trade ids are numbers, which rise, everything up to that one counts as
/// booked: reconciliation has passed it tens of thousands of fills ago.
class Fills {
 public:
  explicit Fills(std::size_t kept);

  void apply(const domain::FillBooked& fill);
  bool is_booked(domain::AccountId account, domain::InstrumentId instrument,
                 domain::ForeignId trade) const;

  /// The number of the last fill; 0: none.
  std::uint64_t last_number() const { return last_number_; }

  /// The newest fill of an account and instrument; null: none kept.
  const domain::FillBooked* newest(domain::AccountId account,
                                   domain::InstrumentId instrument) const;
  /// The newest fill at or before a venue time; null: none kept. All trades after it are newer, or
  /// are not booked.
  const domain::FillBooked* newest_until(domain::AccountId account, domain::InstrumentId instrument,
                                         domain::Timestamp venue_time) const;
  /// Fills of an account and instrument, newest first, while `act` returns true.
  template <class Act>
  void each_newest_first(domain::AccountId account, domain::InstrumentId instrument,
                         Act act) const {
    const std::uint64_t* head = heads_.find(key_of(account, instrument));
    for (std::uint64_t at = head == nullptr ? 0 : *head; at > forgotten_;) {
      const Row& row = rows_[(at - 1) % kept_];
      if (row.voided.number == 0 && !act(row.fill)) return;
      at = row.previous;
    }
  }

  void apply(const domain::FillVoided& voided);
  /// A booked fill that counts; null: there is none, or it is forgotten.
  const domain::FillBooked* find(domain::AccountId account, domain::InstrumentId instrument,
                                 domain::ForeignId trade) const;
  const domain::FillBooked* find(domain::AccountId account, domain::InstrumentId instrument,
                                 std::uint64_t number) const;
  /// The newest provisional fill of an order that counts; null: none.
  const domain::FillBooked* provisional(const domain::FillBooked& like) const;

  void snapshot(std::vector<domain::RecordEntry>& records) const;

 private:
  struct Row {
    domain::FillBooked fill;
    std::uint64_t previous = 0;  ///< place of the one before it, same account and instrument
    domain::FillVoided voided;   ///< number 0: it counts
  };

  std::size_t kept_;
  std::vector<Row> rows_;        ///< a ring; places count from 1
  std::uint64_t added_ = 0;      ///< the last place
  std::uint64_t forgotten_ = 0;  ///< places up to this one are gone
  std::uint64_t last_number_ = 0;
  FlatMap<ForeignKey, bool> booked_;
  FlatMap<PackedKey, std::uint64_t> heads_;
  std::vector<domain::FillBooked> let_go_;  ///< the newest one per account and instrument
  FlatMap<PackedKey, std::uint32_t> let_go_index_;
};

}  // namespace halcyon::engine
