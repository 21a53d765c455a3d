#pragma once

#include <cstddef>
#include <cstdint>
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
/// Control to the engine: a remark that is longer than domain::Remark takes. Rare (sealed secrets);
/// the engine's thread frees it.
struct LongRemark {
  static constexpr std::size_t capacity = 49'152;  ///< bytes; the engine can keep so much, and more
  std::uint32_t number = 0;
  std::unique_ptr<const std::string> text;
};
using LongRemarkLane = Lane<LongRemark, 128>;
/// The numbers of the control thread's remarks are below this bit, those of its long ones have it;
/// other writers' have a higher one.
inline constexpr std::uint32_t long_remark_bit = 1U << 23;
constexpr bool is_long_remark(std::uint32_t number) {
  return (number & ~(long_remark_bit - 1)) == long_remark_bit;
}
/// Engine to one order session.
using CommandLane = Lane<domain::OrderCommand, 512>;
/// Engine to the capture, when there is one. What does not fit is lost, counted, and told.
using CaptureLane = Lane<domain::Event, 16384>;
/// Engine to one session.
using RequestLane = Lane<domain::VenueRequest, 256>;

}  // namespace halcyon::daemon
