#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "daemon/admin_methods.h"
#include "daemon/read_model.h"
#include "domain/time.h"

namespace halcyon::daemon {

enum class MetricType : std::uint8_t { counter, gauge };

/// One number that the rest of the daemon adds to a scrape: lanes, projection, decode errors.
/// Samples of one name share its help and type. Names begin with "halcyon_"; counters end in
/// "_total", times are seconds, sizes bytes.
struct MetricSample {
  std::string name;
  std::string help;
  MetricType type = MetricType::gauge;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

/// How long a stage took, as a histogram.
struct StageLatency {
  struct Bucket {
    domain::Duration upper{};      ///< inclusive
    std::uint64_t up_to_here = 0;  ///< cumulative
  };
  std::string stage;
  std::vector<Bucket> buckets;  ///< rising
  std::uint64_t count = 0;
  domain::Duration sum{};
};

/// Everything that one scrape shows.
struct MetricsView {
  const ReadModel& model;
  const config::Config& config;
  const std::vector<AdminMethods::MethodCount>& methods;
  std::vector<MetricSample> samples;
  std::vector<StageLatency> stages;
};

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// The Prometheus text format, version 0.0.4. Amounts are printed exactly; that the scraper keeps
/// them as doubles is its business. Two samples with one name and equal labels: the last one stays.
std::string print_metrics(const MetricsView& view);

}  // namespace halcyon::daemon
