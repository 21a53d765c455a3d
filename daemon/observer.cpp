#include "daemon/observer.h"

#include <utility>

#include <fmt/format.h>

#include "domain/enum_name.h"

namespace halcyon::daemon {

using persistence::ObservationKind;

namespace {

/// Of one turn: a batch of the writer's, several times.
constexpr std::size_t most_events = 8192;
constexpr std::size_t most_books = 256;

}  // namespace

Observer::Observer(persistence::ObservationSetup setup, const config::Observations& settings,
                   std::size_t instruments)
    : tap_(seen_.writer(), books_.writer(), settings, instruments),
      seen_reader_(seen_.reader()),
      book_reader_(books_.reader()),
      writer_(std::move(setup)) {}

void Observer::see_line(domain::Timestamp time, std::string_view level, std::string_view who,
                        std::string_view what) {
  cold_.push(persistence::LogSeen{time, std::string{level}, std::string{who}, std::string{what}});
}

void Observer::see_request(domain::Timestamp time, const AdminRequestSeen& request) {
  persistence::ApiRequestSeen seen;
  seen.time = time;
  seen.caller = request.caller;
  seen.endpoint = "admin socket";
  seen.method = request.method;
  seen.status = request.status;
  seen.took = request.took;
  cold_.push(std::move(seen));
}

void Observer::see_request(const std::string& session, const std::string& host,
                           const gateways::RestRequest& request,
                           const gateways::RestAnswer& answer) {
  persistence::ApiRequestSeen seen;
  seen.time = answer.received;
  seen.is_admin = false;
  seen.caller = session;
  seen.endpoint = host;
  // Without the query: it has signatures and keys in it.
  seen.method = request.method + " " + request.target.substr(0, request.target.find('?'));
  seen.status = answer.status;
  seen.took = answer.received - answer.sent;
  cold_.push(std::move(seen));
  for (const auto& [name, value] : answer.numbers) {
    if (name != request.number_header) continue;
    cold_.push(persistence::RateLimitSeen{answer.received, session, name, value, 0});
  }
}

void Observer::see_venues(const ReadModel& model, domain::Timestamp now) {
  for (const auto& [key, stream] : model.streams()) {
    const auto& [kind, venue, account] = key;
    auto& [since, written] = told_[key];
    if (since == stream.since && now < written + status_interval) continue;
    since = stream.since;
    written = now;
    persistence::VenueStatusSeen seen;
    seen.time = now;
    seen.venue = model.name(venue);
    seen.account = account;
    seen.stream = stream.latest;
    seen.text = stream.text;
    seen.since = stream.since;
    const auto clock = model.clock_offsets().find(venue);
    if (clock != model.clock_offsets().end()) seen.clock = clock->second;
    cold_.push(std::move(seen));
  }
}

std::size_t Observer::run_once(domain::Timestamp now) {
  std::size_t work =
      seen_reader_.drain(most_events, [this](const domain::Event& event) { writer_.add(event); });
  work += book_reader_.drain(most_books,
                             [this](const persistence::BookSeen& book) { writer_.add(book); });
  work += cold_.drain(writer_);
  if (is_hurried_) writer_.hurry();
  return work + writer_.run_once(now);
}

std::vector<MetricSample> Observer::samples() const {
  std::vector<MetricSample> list;
  const auto& readings = writer_.readings();
  for (std::size_t kind = 0; kind < persistence::observation_kinds; ++kind) {
    const std::string name{domain::enum_name(static_cast<ObservationKind>(kind))};
    list.push_back({"halcyon_observations_written_total",
                    "Observations that PostgreSQL has taken, by kind.",
                    MetricType::counter,
                    {{"kind", name}},
                    static_cast<double>(readings.written[kind].load())});
    const std::uint64_t lost =
        readings.lost[kind].load() + tap_.losses()[kind].load() + cold_.losses()[kind].load();
    list.push_back({"halcyon_observations_lost_total",
                    "Observations lost because PostgreSQL, or the lane to it, was behind.",
                    MetricType::counter,
                    {{"kind", name}},
                    static_cast<double>(lost)});
  }
  return list;
}

}  // namespace halcyon::daemon
