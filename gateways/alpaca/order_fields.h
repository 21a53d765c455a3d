#pragma once

// For decode_*.cpp only: the order entity, which the stream and REST share (section 5).

#include <vector>

#include "gateways/alpaca/decode.h"
#include "gateways/json_text.h"

namespace halcyon::gateways::alpaca {

/// Reads one order; its legs, if it has any, are appended to `legs` with `parent` set. The id, the
/// status and what is filled must be there; everything else may be missing.
DecodeError read_order(Impl& impl, ondemand::object& object, const Symbols& symbols,
                       const Identity& identity, OrderRow& row, std::vector<OrderRow>& legs);

/// An id that stands there; none for null and for what is not there.
DecodeError read_foreign_id(Impl& impl, const char* token, domain::ForeignId& out);
/// A time that stands there; the epoch for null and for what is not there.
DecodeError read_optional_time(Impl& impl, const char* token, domain::Timestamp& out);

}  // namespace halcyon::gateways::alpaca
