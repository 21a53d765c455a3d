#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "daemon/admin_methods.h"
#include "daemon/metrics.h"
#include "daemon/observation_lane.h"
#include "daemon/read_model.h"
#include "gateways/session.h"
#include "persistence/observation_writer.h"

namespace halcyon::daemon {

/// Everything about observations in one place: the lanes that they leave the other threads by, and
/// the writer that brings them into PostgreSQL.
class Observer {
 public:
  /// How often a venue's status is written although nothing changed.
  static constexpr domain::Duration status_interval = std::chrono::seconds{10};

  Observer(persistence::ObservationSetup setup, const config::Observations& settings,
           std::size_t instruments);

  ObservationTap& tap() { return tap_; }

  // What is seen, by any thread but a hot one.
  void see_line(domain::Timestamp time, std::string_view level, std::string_view who,
                std::string_view what);
  void see_request(domain::Timestamp time, const AdminRequestSeen& request);
  void see_request(const std::string& session, const std::string& host,
                   const gateways::RestRequest& request, const gateways::RestAnswer& answer);

  /// Thread: control, now and then.
  void see_venues(const ReadModel& model, domain::Timestamp now);

  /// Thread: the observer's own. Returns how much it did.
  std::size_t run_once(domain::Timestamp now);
  /// For a clean stop, before the last turns. Any thread.
  void hurry() { is_hurried_ = true; }
  /// Thread: the observer's own.
  bool is_empty() const { return writer_.is_empty(); }
  void interrupt() { writer_.interrupt(); }

  std::vector<MetricSample> samples() const;

 private:
  SeenLane seen_{1};
  BookSeenLane books_{1};
  ObservationTap tap_;
  SeenLane::Reader seen_reader_;
  BookSeenLane::Reader book_reader_;
  ColdObservations cold_;
  persistence::ObservationWriter writer_;
  std::atomic<bool> is_hurried_{false};
  std::map<ReadModel::StreamKey, std::pair<domain::Timestamp, domain::Timestamp>> told_;
};

}  // namespace halcyon::daemon
