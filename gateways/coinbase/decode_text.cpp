#include "gateways/coinbase/decode.h"
#include "gateways/venue_text.h"

namespace halcyon::gateways::coinbase {

domain::ForeignId foreign_id(std::string_view text) { return gateways::foreign_id(text); }
bool is_uuid(domain::ForeignId id) { return gateways::is_uuid(id); }
char* print_uuid(domain::ForeignId id, char* out) { return gateways::print_uuid(id, out); }
bool read_rfc3339(std::string_view text, domain::Timestamp& out) {
  return gateways::read_rfc3339(text, out);
}

void Message::clear() {
  channel = Channel::none;
  has_sequence = false;
  sequence = 0;
  venue_time = {};
  books.clear();
  is_trade_snapshot = has_user_snapshot = false;
  orders.clear();
  candles.clear();
  products.clear();
  subscribed = 0;
  heartbeat = 0;
  text = {};
  unknown_products = unknown_words = levels_cut = 0;
}

}  // namespace halcyon::gateways::coinbase
