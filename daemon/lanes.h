#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "daemon/lane.h"
#include "domain/command.h"
#include "domain/event.h"

namespace halcyon::daemon {

// Every lane of the process and its bound.

/// Public data of one venue. A burst of the recorded peak (1,452 frames in one second) fits twice.
inline constexpr std::size_t market_lane_capacity = 4096;
using MarketLane = Lane<domain::Event, market_lane_capacity>;
/// Orders, executions, balances, answers. Never dropped: what does not fit waits at the writer,
/// which stops reading its socket.
using OrderLane = Lane<domain::Event, 1024>;
using ControlLane = Lane<domain::Event, 256>;
/// Text beside events; one that does not fit is dropped and counted, its event is not.
using RemarkLane = Lane<domain::Remark, 256>;
/// Engine to one order session.
using CommandLane = Lane<domain::OrderCommand, 512>;
/// Engine to the capture, when there is one. What does not fit is lost, counted, and told.
using CaptureLane = Lane<domain::Event, 16384>;
/// Engine to one session.
using RequestLane = Lane<domain::VenueRequest, 256>;

}  // namespace halcyon::daemon
