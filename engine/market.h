#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "domain/event.h"
#include "domain/instrument.h"
#include "domain/record.h"
#include "domain/time.h"
#include "engine/book.h"

namespace halcyon::engine {

/// The price that sizing, the collar and valuation use, and when it was last heard of.
struct Reference {
  domain::Price price;
  domain::Timestamp time;  ///< engine time
};

/// What the public data says of each instrument now. Not durable, but for the venue's rules, which
/// are records; rules from an earlier run count as not heard.
class Market {
 public:
  explicit Market(std::size_t instruments) : rows_(instruments) {}

  void on_trade(domain::InstrumentId instrument, const domain::Trade& trade, domain::Timestamp now);
  void on_quote(domain::InstrumentId instrument, const domain::Quote& quote, domain::Timestamp now);
  void on_book_reset(domain::InstrumentId instrument);
  void on_book_invalid(domain::InstrumentId instrument);
  Book::Result on_book_levels(domain::InstrumentId instrument, const domain::BookLevels& levels,
                              domain::Timestamp now);
  /// The stream is down: quote and book say nothing any more. The last trade keeps its time.
  void on_stream_down(domain::InstrumentId instrument);

  /// The venue told its rules in this run, whether they changed or not.
  void on_rules_heard(domain::InstrumentId instrument) { row(instrument).rules_heard = true; }
  void apply(const domain::InstrumentChanged& changed);
  /// As recorded, also by an earlier run.
  const domain::InstrumentRules& recorded_rules(domain::InstrumentId instrument) const {
    return row(instrument).rules;
  }
  /// Null until the venue has told them in this run.
  const domain::InstrumentRules* rules(domain::InstrumentId instrument) const {
    const Row& known = row(instrument);
    return known.rules_heard ? &known.rules : nullptr;
  }
  bool has_recorded_rules(domain::InstrumentId instrument) const {
    return row(instrument).has_rules;
  }

  /// The middle of the valid book or of the quote, whichever was heard later; else the last trade.
  std::optional<Reference> reference(domain::InstrumentId instrument) const;
  std::optional<Reference> last_trade(domain::InstrumentId instrument) const;
  const Book& book(domain::InstrumentId instrument) const { return row(instrument).book; }

  /// Whether the id has a row: events may come for instruments of a newer configuration.
  bool knows(domain::InstrumentId instrument) const {
    return domain::index_of(instrument) < rows_.size();
  }
  std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    Book book;
    domain::Timestamp book_time;
    std::optional<domain::Quote> quote;
    domain::Timestamp quote_time;
    std::optional<domain::Price> last_trade;
    domain::Timestamp last_trade_time;
    domain::InstrumentRules rules;
    bool has_rules = false;
    bool rules_heard = false;
  };
  Row& row(domain::InstrumentId id) { return rows_[domain::index_of(id)]; }
  const Row& row(domain::InstrumentId id) const { return rows_[domain::index_of(id)]; }

  std::vector<Row> rows_;
};

}  // namespace halcyon::engine
