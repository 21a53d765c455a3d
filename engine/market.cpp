#include "engine/market.h"

namespace halcyon::engine {

namespace {

/// Half of the sum, towards minus infinity; the sum of two prices may need 65 bits.
domain::Price middle(domain::Price bid, domain::Price ask) {
  const domain::Int128 sum = domain::Int128{bid.raw()} + ask.raw();
  return domain::Price::from_raw(static_cast<std::int64_t>(sum >> 1));
}

}  // namespace

void Market::on_trade(domain::InstrumentId instrument, const domain::Trade& trade,
                      domain::Timestamp now) {
  row(instrument).last_trade = trade.price;
  row(instrument).last_trade_time = now;
}

void Market::on_quote(domain::InstrumentId instrument, const domain::Quote& quote,
                      domain::Timestamp now) {
  Row& known = row(instrument);
  // A one-sided or crossed quote has no middle.
  if (quote.bid.is_positive() && quote.bid < quote.ask) {
    known.quote = quote;
    known.quote_time = now;
  } else {
    known.quote.reset();
  }
}

void Market::on_book_reset(domain::InstrumentId instrument) { row(instrument).book.reset(); }

void Market::on_book_invalid(domain::InstrumentId instrument) { row(instrument).book.invalidate(); }

Book::Result Market::on_book_levels(domain::InstrumentId instrument,
                                    const domain::BookLevels& levels, domain::Timestamp now) {
  Row& known = row(instrument);
  const Book::Result result = known.book.apply(levels);
  if (result == Book::Result::whole) known.book_time = now;
  return result;
}

void Market::on_stream_down(domain::InstrumentId instrument) {
  row(instrument).book.invalidate();
  row(instrument).quote.reset();
}

void Market::apply(const domain::InstrumentChanged& changed) {
  if (!knows(changed.instrument)) return;
  row(changed.instrument).rules = changed.rules;
  row(changed.instrument).has_rules = true;
}

std::optional<Reference> Market::last_trade(domain::InstrumentId instrument) const {
  if (!knows(instrument) || !row(instrument).last_trade) return std::nullopt;
  return Reference{*row(instrument).last_trade, row(instrument).last_trade_time};
}

std::optional<Reference> Market::reference(domain::InstrumentId instrument) const {
  if (!knows(instrument)) return std::nullopt;
  const Row& known = row(instrument);
  const bool has_book = known.book.touch().has_value();
  const bool has_quote = known.quote.has_value();
  if (has_book && (!has_quote || known.book_time > known.quote_time)) {
    const Book::Touch& touch = *known.book.touch();
    return Reference{middle(touch.bid.price, touch.ask.price), known.book_time};
  }
  if (has_quote) {
    return Reference{middle(known.quote->bid, known.quote->ask), known.quote_time};
  }
  if (known.last_trade) return Reference{*known.last_trade, known.last_trade_time};
  return std::nullopt;
}

}  // namespace halcyon::engine
