#include "daemon/daemon.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "config/secrets.h"
#include "daemon/command_table.h"
#include "daemon/control_loop.h"
#include "daemon/credentials.h"
#include "daemon/data_dir.h"
#include "daemon/driver.h"
#include "daemon/engine_loop.h"
#include "daemon/fold.h"
#include "daemon/helper.h"
#include "daemon/hot_thread.h"
#include "daemon/observer.h"
#include "daemon/snapshots.h"
#include "daemon/venues.h"
#include "domain/enum_name.h"
#include "engine/engine.h"
#include "gateways/transport/tls_stream.h"
#include "gateways/transport/url.h"
#include "persistence/capture.h"
#include "persistence/journal.h"
#include "persistence/postgres_locks.h"
#include "persistence/projector.h"
#include "persistence/snapshot.h"

namespace halcyon::daemon {

namespace transport = gateways::transport;
using domain::Event;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// How long a cold thread rests when there was nothing to do: the hot one wakes nobody.
constexpr auto cold_rest = milliseconds{2};
constexpr auto snapshot_rest = milliseconds{20};
constexpr auto disk_check_interval = seconds{10};
constexpr auto observer_rest = milliseconds{5};
/// A capture is behind by no more than this when the daemon is killed.
constexpr auto capture_interval = seconds{1};
constexpr std::size_t capture_drain = 4096;
/// A clean stop waits so long for its own answer, for cancels, and for PostgreSQL.
constexpr auto stop_patience = seconds{5};
/// Of the journal that stands in for one that --cancel-all could not read.
constexpr std::uint64_t least_segment_bytes = 2UL << 20;
/// Seconds by which its epoch is beyond every one that can have been used.
constexpr std::uint32_t far_epoch = 7 * 24 * 3600;
/// Of --cancel-all: until the venues have answered, and again until everything is gone.
constexpr auto cancel_patience = std::chrono::seconds{60};
constexpr auto drain_patience = seconds{10};
/// The engine must turn within this, or systemd is not told that all is well.
constexpr auto engine_patience = seconds{5};
constexpr auto lock_interval = seconds{5};

/// Signals that the daemon reads instead of being interrupted by them.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    // Before any thread starts: all of them inherit the mask.
    if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) {
      throw std::runtime_error("signals cannot be blocked");
    }
    std::signal(SIGPIPE, SIG_IGN);
    // A file that may grow no more is an error of the call, as on a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
    fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
  }
  ~Signals() { ::close(fd_); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  /// The next signal that came; 0: none.
  int next() const {
    signalfd_siginfo info{};
    return ::read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)
               ? static_cast<int>(info.ssi_signo)
               : 0;
  }

 private:
  int fd_ = -1;
};

/// Readable from `set` on: ends whatever a helper waits for.
class CancelFd {
 public:
  CancelFd() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~CancelFd() { ::close(fd_); }
  CancelFd(const CancelFd&) = delete;
  CancelFd& operator=(const CancelFd&) = delete;
  void set() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::string first_line(const std::string& file) {
  std::ifstream stream{file};
  std::string line;
  std::getline(stream, line);
  return line;
}

/// Text for a definition record; it must fit a frame beside the others.
constexpr std::size_t max_definition = 64UL << 10;

}  // namespace

class Daemon::Impl {
 public:
  Impl(config::Config config, const Options& options, Log& log)
      : config_(std::move(config)),
        clock_(options.clock),
        log_(log),
        data_dir_(config_.daemon.data_dir),
        journal_directory_(journal_directory(config_)),
        options_(options) {
    if (options.is_safe && !config_.strategies.empty()) {
      config_.strategies.clear();
      say(LogLevel::warning, "--safe: no strategy runs");
    }
    recover_journal();
    open_credentials(config_, sealed_secrets_, journal_->uuid(), opened_secrets_.emplace(),
                     without_keys_, [this](auto words) { say(LogLevel::error, words); });
    take_account_locks();
    choose_epoch();
    // A journal that only stands in for the real one is nobody else's business.
    if (journal_directory_ != journal_directory(config_)) config_.postgres.reset();
    name_configuration();
    make_observer();
    make_engine();
    make_loops();
    if (!options.floor_order.empty()) set_floor(options.floor_order);
    make_control();
    make_projector();
    make_snapshots();
    make_capture();
  }

  void run() {
    start_threads();
    say(LogLevel::info, fmt::format("ready: epoch {}, journal at {}, http port {}", epoch_,
                                    journal_->last_sequence(), control_->http_port()));
    ::sd_notify(0, "READY=1\nSTATUS=trading");
    if (options_.cancel_all) cancel_all();
    while (!is_stopping_) serve();
    stop();
    if (!cancel_trouble_.empty()) throw std::runtime_error(cancel_trouble_);
  }

  ~Impl() { end_threads(); }

 private:
  struct Part {
    std::unique_ptr<Helper> helper;
    std::unique_ptr<TaskLane> tasks = std::make_unique<TaskLane>(1);
    std::unique_ptr<ResultLane> results = std::make_unique<ResultLane>(1);
    std::unique_ptr<CommandLane> commands;
    std::unique_ptr<RequestLane> requests = std::make_unique<RequestLane>(1);
    std::unique_ptr<Driver> driver;
    bool is_market = false;
  };
  /// One hot thread with what belongs to it alone.
  struct Hot {
    Waker waker;
    Latency latency;
    std::optional<Whisper> whisper;
    std::vector<Agent*> agents;
    std::optional<HotThread> loop;
    std::string name;
  };

  void say(LogLevel level, std::string_view what) { log_.say(level, "halcyond", what); }

  // ---- start ------------------------------------------------------------------------------------

  static std::string journal_directory(const config::Config& config) {
    return config.daemon.data_dir + "/journal";
  }
  const std::string& journal_directory() const { return journal_directory_; }

  /// For the last resort, a journal that cannot be had is no reason to leave orders at the venues:
  /// they bear our name, and a journal of its own keeps what is done about them.
  void recover_journal() {
    try {
      return recover_names(config_.journal.segment_bytes);
    } catch (const std::exception& error) {
      if (!options_.cancel_all) throw;
      say(LogLevel::error,
          fmt::format("{}; --cancel-all goes on WITHOUT this journal: it cancels what the venues "
                      "call open under the name \"{}-\" of each account; mend the journal before "
                      "the next start",
                      error.what(), config_.daemon.name));
    }
    journal_.reset();
    catalog_ = domain::Catalog{};
    recovered_names_ = {};
    definitions_.clear();
    epochs_.clear();
    const auto second = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch();
    const std::string name = fmt::format("cancel-all-{}-{}", second.count(), ::getpid());
    journal_directory_ = config_.daemon.data_dir + '/' + name;
    try {
      return recover_names(least_segment_bytes);
    } catch (const std::exception& error) {
      say(LogLevel::error, error.what());  // a full disk, perhaps
    }
    journal_.reset();
    journal_directory_ = (std::filesystem::temp_directory_path() / ("halcyon-" + name)).string();
    recover_names(least_segment_bytes);
  }

  void recover_names(std::uint64_t segment_bytes) {
    persistence::JournalOptions options;
    options.directory = journal_directory();
    options.segment_bytes = segment_bytes;
    options.sync_power = config_.journal.sync == config::Sync::power;
    persistence::Recovered recovered;
    bool is_consistent = true;
    journal_ = persistence::Journal::open(options, recovered, [&](const auto& entry) {
      if (const auto* named = std::get_if<domain::Named>(&entry.record)) {
        is_consistent = catalog_.restore(*named, entry.text) && is_consistent;
        auto& known = recovered_names_.at(static_cast<std::size_t>(named->kind));
        known = std::max(known, named->id + 1);
      } else if (const auto* started = std::get_if<domain::EpochStarted>(&entry.record)) {
        last_epoch_ = std::max(last_epoch_, started->epoch);
        epochs_.insert(started->epoch);
      } else if (const auto* defined = std::get_if<domain::Defined>(&entry.record)) {
        definitions_[{defined->kind, defined->id}] = {defined->version, std::string{entry.text}};
      } else if (std::holds_alternative<domain::CredentialChanged>(entry.record)) {
        const auto credential = domain::parse_credential(entry.text);
        if (credential) {
          sealed_secrets_[{std::string{credential->name}, credential->part}] = entry.text;
        }
      }
    });
    if (!is_consistent) {
      throw std::runtime_error(fmt::format(
          "journal {}: its names contradict each other; it is damaged, or of two daemons: "
          "restore it from a backup, or start with a new data_dir",
          options.directory));
    }
    recovered_ = recovered;
    for (const auto& words : recovered.refused_snapshots) {
      say(LogLevel::warning,
          fmt::format("{}; an older snapshot, or the whole journal, is read instead", words));
    }
    const std::string beginning =
        recovered.snapshot == nullptr
            ? std::string{}
            : fmt::format("a snapshot of sequence {} and ", recovered.snapshot->sequence());
    say(LogLevel::info,
        recovered.is_new
            ? fmt::format("journal {}: new", options.directory)
            : fmt::format(
                  "journal {}: {}{} frames, up to sequence {}{}", options.directory, beginning,
                  recovered.frames, recovered.last_sequence,
                  recovered.cut_bytes == 0
                      ? std::string{}
                      : fmt::format("; a torn tail of {} bytes was cut", recovered.cut_bytes)));
  }

  bool is_without_keys(const std::string& account) const {
    return std::find(without_keys_.begin(), without_keys_.end(), account) != without_keys_.end();
  }

  void take_account_locks() {
    for (const auto& account : config_.accounts) {
      if (account.mode != config::AccountMode::live || is_without_keys(account.name)) continue;
      const auto venue = std::find_if(config_.venues.begin(), config_.venues.end(),
                                      [&](const auto& row) { return row.name == account.venue; });
      if (venue == config_.venues.end()) continue;
      const std::string key_file =
          config::resolve_secret_file(account.name, "api_key_file", account.api_key_file);
      identities_.push_back({account.name,
                             {std::string{domain::enum_name(venue->environment)},
                              std::string{domain::enum_name(venue->kind)}, first_line(key_file)}});
    }
    if (!config_.postgres) return;
    locks_.emplace(config_.postgres->dsn, config_.daemon.name);
    for (const auto& [name, identity] : identities_) {
      const auto answer = locks_->take(identity);
      switch (answer.state) {
        case persistence::AccountLocks::State::taken:
          break;
        case persistence::AccountLocks::State::held_by_another:
          throw std::runtime_error(fmt::format(
              "account {}: another daemon trades it: {}; stop that one first", name, answer.words));
        case persistence::AccountLocks::State::unreachable:
          log_.say(LogLevel::warning, "postgres",
                   fmt::format("account {}: account_lock_not_held: {}; starting on the journal "
                               "alone, the lock is taken when PostgreSQL answers",
                               name, answer.words));
          break;
      }
    }
  }

  void choose_epoch() {
    if (config_.postgres) {
      const auto known = persistence::known_epochs(config_.postgres->dsn, config_.daemon.name);
      if (known.last() > last_epoch_) last_epoch_ = known.last();
      if (known.failed) {
        log_.say(LogLevel::warning, "postgres",
                 "its epochs cannot be read: the journal's alone say which are used");
      }
    }
    const auto second =
        std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
    epoch_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(second, 1, UINT32_MAX));
    if (epoch_ <= last_epoch_) {
      say(LogLevel::warning,
          fmt::format("the clock says epoch {}, but {} was used already; going on with {}", epoch_,
                      last_epoch_, last_epoch_ + 1));
      epoch_ = last_epoch_ + 1;
    }
    // What the unreadable journal had used is not known: no order of it may seem to be this
    // start's.
    if (journal_directory_ != journal_directory(config_)) {
      epoch_ = std::max(epoch_, last_epoch_) + far_epoch;
    }
    epochs_.insert(epoch_);
  }

  /// Adds what the configuration names to the catalog, and collects what the journal does not know.
  void name_configuration() {
    for (const auto& venue : config_.venues) {
      const auto id = catalog_.venue(venue.name);
      for (const auto& instrument : venue.instruments) {
        catalog_.instrument(id, config::symbol_of(instrument));
      }
    }
    name_venue_assets(config_, catalog_);
    for (const auto& account : config_.accounts) {
      catalog_.account(account.name, catalog_.venue(account.venue));
    }
    for (const auto& strategy : config_.strategies) {
      const auto id = catalog_.strategy(strategy.name);
      define(domain::DefinitionKind::strategy, static_cast<std::uint32_t>(id), strategy.text);
    }
  }

  void define(domain::DefinitionKind kind, std::uint32_t id, const std::string& text) {
    const std::string kept = text.substr(0, max_definition);
    auto& known = definitions_[{kind, id}];
    if (known.first != 0 && known.second == kept) return;
    domain::Defined defined;
    defined.kind = kind;
    defined.id = id;
    defined.version = ++known.first;
    known.second = kept;
    new_definitions_.emplace_back(defined, kept);
  }

  std::uint64_t snapshot_sequence() const {
    return recovered_.snapshot == nullptr ? 0 : recovered_.snapshot->sequence();
  }

  void make_engine() {
    engine_ = std::make_unique<engine::Engine>(engine_setup(config_, catalog_));
    if (recovered_.is_new) return;
    // The second reading: the engine needed all names before the first record.
    if (recovered_.snapshot != nullptr) {
      recovered_.snapshot->each([this](const auto& entry) { engine_->apply(entry); });
    }
    const auto reader = persistence::JournalReader::open(journal_directory(), snapshot_sequence(),
                                                         persistence::ReadUpTo::committed);
    persistence::FrameView frame;
    while (reader->next(frame)) {
      for (const auto& entry : frame.records) engine_->apply(entry);
    }
  }

  /// What is said from here on, and seen, is kept in PostgreSQL, too.
  void make_observer() {
    if (!config_.postgres) return;
    persistence::ObservationSetup setup;
    setup.dsn = config_.postgres->dsn;
    setup.config = &config_;
    setup.journal = journal_->uuid();
    setup.epoch = epoch_;
    setup.say = setup_words();
    observer_.emplace(std::move(setup), config_.observations, catalog_.instruments().size());
    log_.listen([this](LogLevel level, std::string_view who, std::string_view what) {
      observer_->see_line(clock_.now(), domain::enum_name(level), who, what);
    });
    CommandTable::Setup table;
    table.config = &config_;
    table.epoch = epoch_;
    table.is_projected = [this] {
      return projector_ && projector_->readings().position.load() >= recovered_.last_sequence;
    };
    table.say = setup_words();
    if (role_of(config_.postgres->commands)) command_table_.emplace(std::move(table));
  }

  std::function<void(domain::Severity, std::string_view)> setup_words() {
    return [this](domain::Severity severity, std::string_view what) {
      say_of_postgres(severity, what);
    };
  }

  void say_of_postgres(domain::Severity severity, std::string_view what) {
    const auto level = severity == domain::Severity::info      ? LogLevel::info
                       : severity == domain::Severity::warning ? LogLevel::warning
                                                               : LogLevel::error;
    log_.say(level, "postgres", what);
  }

  // ---- wiring -----------------------------------------------------------------------------------

  void make_loops() {
    auto venues = make_sessions(config_, catalog_, without_keys_);
    opened_secrets_.reset();  // the sessions have read them
    std::size_t market_count = 0;
    std::size_t order_count = 0;
    for (const auto& venue : venues) {
      market_count += venue.market != nullptr ? 1U : 0U;
      order_count += venue.orders.size();
    }
    const std::size_t sessions = market_count + order_count;
    if (sessions > 255) throw std::runtime_error("more than 255 sessions are configured");
    market_lane_ = std::make_unique<MarketLane>(std::max<std::size_t>(market_count, 1));
    order_lane_ = std::make_unique<OrderLane>(std::max<std::size_t>(sessions, 1));
    remark_lane_ = std::make_unique<RemarkLane>(sessions + 1);
    long_remark_lane_ = std::make_unique<LongRemarkLane>(1);
    control_lane_ = std::make_unique<ControlLane>(2);  // control thread, projector thread
    log_lane_ = std::make_unique<LogLane>(3);

    const bool is_shared = config_.engine.threads == config::Threads::shared;
    Hot& engine_hot = add_hot(is_shared ? "hot" : "engine");
    Hot& market_hot = is_shared || market_count == 0 ? engine_hot : add_hot("market");
    Hot& orders_hot = is_shared || order_count == 0 ? engine_hot : add_hot("orders");
    control_writer_.emplace(control_lane_->writer());
    control_remarks_.emplace(remark_lane_->writer());
    control_long_remarks_.emplace(long_remark_lane_->writer());
    projector_writer_.emplace(control_lane_->writer());

    std::vector<std::optional<OrderOutlet>> order_outlets(catalog_.accounts().size());
    std::vector<std::optional<MarketOutlet>> market_outlets(catalog_.venues().size());
    std::vector<Agent*> order_agents;
    for (auto& venue : venues) {
      std::string error;
      const auto trust = transport::Trust::load(venue.settings->ca_file, error);
      if (!trust) {
        throw std::runtime_error(fmt::format("venues.{}.ca_file: {}", venue.settings->name, error));
      }
      const auto rest = transport::parse_url(venue.settings->rest_url, error);
      if (!rest) {
        throw std::runtime_error(
            fmt::format("venues.{}.rest_url: {}", venue.settings->name, error));
      }
      Waker* const to_engine = is_shared ? nullptr : &engine_hot.waker;
      if (venue.market != nullptr) {
        const std::string name = venue.settings->name + " market";
        Part& part = add_part(name, std::move(venue.market), true, market_hot, to_engine, *trust,
                              rest->endpoint);
        market_hot.agents.push_back(part.driver.get());
        market_outlets.at(domain::index_of(venue.venue))
            .emplace(
                MarketOutlet{part.requests->writer(), is_shared ? nullptr : &market_hot.waker});
      }
      for (auto& account : venue.orders) {
        const std::string name = venue.settings->name + " orders " + catalog_.name(account.account);
        Part& part = add_part(name, std::move(account.session), false, orders_hot, to_engine,
                              *trust, rest->endpoint);
        order_agents.push_back(part.driver.get());
        order_outlets.at(domain::index_of(account.account))
            .emplace(OrderOutlet{part.commands->writer(), part.requests->writer(),
                                 is_shared ? nullptr : &orders_hot.waker});
      }
    }
    engine_loop_ = std::make_unique<EngineLoop>(
        *engine_, *journal_,
        EngineLoop::Inbox{control_lane_->reader(), order_lane_->reader(), market_lane_->reader(),
                          remark_lane_->reader(), long_remark_lane_->reader()},
        std::move(order_outlets), std::move(market_outlets), engine_hot.latency);
    if (observer_) engine_loop_->observe_with(observer_->tap());
    // Market data is read first and orders leave last, so that one turn goes from tick to order.
    engine_hot.agents.push_back(engine_loop_.get());
    for (Agent* agent : order_agents) orders_hot.agents.push_back(agent);
    engine_waker_ = &engine_hot.waker;
    log_reader_.emplace(log_lane_->reader());
    for (auto& hot : hots_) {
      hot->loop.emplace(hot->agents, config_.engine.wait, clock_, hot->waker);
    }
  }

  void set_floor(const std::string& order) {
    const auto part_of = [&](bool is_market) {
      return std::find_if(parts_.begin(), parts_.end(),
                          [&](const auto& part) { return part->is_market == is_market; });
    };
    const auto market = part_of(true);
    const auto orders = part_of(false);
    const bool is_simulated = std::all_of(
        config_.venues.begin(), config_.venues.end(),
        [](const auto& venue) { return venue.environment == config::Environment::simulator; });
    if (market == parts_.end() || orders == parts_.end() || hots_.size() != 1 || !is_simulated) {
      throw std::runtime_error(
          "--floor-order needs threads = \"shared\", a venue with an account, and simulators only");
    }
    (*market)->driver->set_floor(*(*orders)->driver, order);
  }

  Hot& add_hot(std::string name) {
    Hot& hot = *hots_.emplace_back(std::make_unique<Hot>());
    hot.name = std::move(name);
    hot.whisper.emplace(log_lane_->writer());
    return hot;
  }

  Part& add_part(const std::string& name, std::unique_ptr<gateways::Session> session,
                 bool is_market, Hot& hot, Waker* to_engine, const transport::Trust& trust,
                 const gateways::Endpoint& rest) {
    Part& part = *parts_.emplace_back(std::make_unique<Part>());
    part.is_market = is_market;
    Driver::Ends ends{nullptr,
                      to_engine == nullptr,
                      nullptr,
                      std::nullopt,
                      part.requests->reader(),
                      part.tasks->writer(),
                      part.results->reader()};
    if (is_market) {
      ends.market = std::make_unique<MarketWriter>(market_lane_->writer(),
                                                   catalog_.instruments().size(), to_engine);
    } else {
      part.commands = std::make_unique<CommandLane>(1);
      ends.commands.emplace(part.commands->reader());
    }
    ends.orders =
        std::make_unique<OrderWriter>(order_lane_->writer(), remark_lane_->writer(),
                                      static_cast<std::uint8_t>(parts_.size()), to_engine);
    part.helper = std::make_unique<Helper>(trust, rest, clock_, part.tasks->reader(),
                                           part.results->writer(), &hot.waker, cancel_.fd());
    if (observer_) {
      part.helper->observe_with(
          [this, name, host = rest.host](const auto& request, const auto& answer) {
            observer_->see_request(name, host, request, answer);
          });
    }
    part.driver = std::make_unique<Driver>(
        name, std::move(session), std::move(ends), clock_, *journal_, hot.latency,
        [&hot, name](std::string_view what) { hot.whisper->say(LogLevel::info, name, what); });
    return part;
  }

  void make_control() {
    model_reader_ = persistence::JournalReader::open(journal_directory(), snapshot_sequence(),
                                                     persistence::ReadUpTo::committed);
    ControlHooks hooks;
    hooks.begin = [this](ReadModel& model) {
      if (recovered_.snapshot != nullptr) begin_with(model, *recovered_.snapshot);
    };
    hooks.trouble = [this] { return journal_trouble(); };
    hooks.admin.snapshot = [this] {
      snapshots_->ask();
      return nlohmann::json{{"asked", true},
                            {"journal_sequence", journal_->last_sequence()},
                            {"newest", snapshots_->readings().newest.load()}};
    };
    hooks.now = [this] { return clock_.now(); };
    hooks.real_time = [clock = transport::Clock{}] { return clock.now(); };
    hooks.next_frame = [this](persistence::FrameView& frame) { return next_frame(frame); };
    hooks.admin.submit = [this](const Event& event, std::string_view remark) {
      return submit(*control_writer_, event, remark);
    };
    if (observer_) {
      hooks.admin.seen = [this](const AdminRequestSeen& request) {
        observer_->see_request(clock_.now(), request);
      };
    }
    sealer_.emplace(config_, journal_->uuid());
    hooks.admin.sealer = &*sealer_;
    hooks.admin.latency = [this] { return latency_json(); };
    hooks.admin.status = [this] { return status_json(); };
    hooks.engine_turns = [this] { return engine_turns(); };
    hooks.samples = [this] { return samples(); };
    hooks.stages = [this] { return stages(); };
    control_.emplace(config_, std::move(hooks));
  }

  void make_capture() {
    if (!config_.journal.capture) return;
    persistence::CaptureOptions options;
    options.directory = config_.daemon.data_dir + "/capture";
    options.max_bytes = config_.journal.capture_bytes;
    options.uuid = journal_->uuid();
    options.first_sequence = journal_->last_sequence() + 1;
    capture_.emplace(std::move(options));
    capture_lane_ = std::make_unique<CaptureLane>(1);
    engine_loop_->capture(capture_lane_->writer());
  }

  void run_capture(const std::atomic<bool>& stop) {
    auto reader = capture_lane_->reader();
    auto next_flush = std::chrono::steady_clock::now() + capture_interval;
    bool is_failing = false;
    for (bool is_last = false; !is_last;) {
      is_last = stop;  // then nothing is added any more, and what is there is taken
      const std::size_t taken =
          reader.drain(capture_drain, [this](const Event& event) { capture_->add(event); });
      if (std::chrono::steady_clock::now() >= next_flush || is_last) {
        capture_->flush();
        next_flush = std::chrono::steady_clock::now() + capture_interval;
      }
      captured_bytes_ = capture_->bytes();
      capture_unwritten_ = capture_->lost();
      if (capture_->last_error().empty() == is_failing) {
        is_failing = !is_failing;
        log_.say(is_failing ? LogLevel::warning : LogLevel::info, "capture",
                 is_failing ? capture_->last_error() + "; trading goes on, the capture has a gap"
                            : "captures again");
      }
      if (taken != 0) is_last = false;
      if (taken == 0 && !is_last) std::this_thread::sleep_for(cold_rest);
    }
  }

  void make_snapshots() {
    Snapshots::Setup setup;
    setup.directory = journal_directory();
    setup.daemon_name = config_.daemon.name;
    setup.every_frames = static_cast<std::uint64_t>(config_.journal.snapshot_frames);
    setup.keep = std::chrono::days{config_.journal.keep_days};
    setup.make_engine = [this] {
      return std::make_unique<engine::Engine>(engine_setup(config_, catalog_));
    };
    setup.now = [this] { return clock_.now(); };
    setup.durable = [this] { return journal_->durable_sequence(); };
    // Without PostgreSQL the journal alone keeps everything.
    if (projector_) {
      setup.projected = [this] { return projector_->readings().position.load(); };
    }
    setup.say = [this](LogLevel level, std::string_view what) { log_.say(level, "journal", what); };
    snapshots_.emplace(std::move(setup), snapshot_sequence());
    recovered_.snapshot.reset();  // all who begin with it have begun
  }

  void make_projector() {
    if (!config_.postgres) return;
    persistence::ProjectorSetup setup;
    setup.dsn = config_.postgres->dsn;
    setup.config = &config_;
    setup.journal = journal_->uuid();
    setup.frames = persistence::journal_frames(journal_directory());
    setup.newest_sequence = [this] { return journal_->last_sequence(); };
    setup.say = setup_words();
    projector_.emplace(std::move(setup));
  }

  // ---- threads ----------------------------------------------------------------------------------

  void start_threads() {
    // The first frame: everything that later ones refer to.
    std::vector<domain::RecordEntry> definitions;
    catalog_.each([&](const domain::Named& named, std::string_view text) {
      if (!is_known(named)) definitions.push_back({named, text});
    });
    for (const auto& [defined, text] : new_definitions_) definitions.push_back({defined, text});
    Event started;
    started.received = clock_.now();
    started.what = domain::Started{epoch_};
    if (!engine_loop_->start(started, definitions)) {
      throw std::runtime_error(fmt::format("journal {}: no room for the first frame: {}",
                                           journal_directory(), journal_->last_error()));
    }
    control_->catch_up();

    start(
        "journal",
        [this](const auto& stop) {
          // A disk that fails is found out only by a sync, in mode "process" too.
          auto next_sync = std::chrono::steady_clock::now() + disk_check_interval;
          while (!stop) {
            if (journal_->prepare() == 0) std::this_thread::sleep_for(cold_rest);
            if (std::chrono::steady_clock::now() < next_sync) continue;
            journal_->sync();
            next_sync = std::chrono::steady_clock::now() + disk_check_interval;
          }
          journal_->sync();
        },
        cold_stop_);
    start(
        "snapshots",
        [this](const auto& stop) {
          // Hot threads first: nothing waits for a snapshot.
          (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);
          while (!stop) {
            if (snapshots_->run_once() == 0) std::this_thread::sleep_for(snapshot_rest);
          }
        },
        snapshot_stop_);
    if (capture_) {
      start(
          "capture", [this](const auto& stop) { run_capture(stop); }, cold_stop_);
    }
    for (auto& part : parts_) {
      start(
          "helper",
          [helper = part->helper.get()](const auto& stop) {
            while (!stop) {
              if (!helper->run_once()) std::this_thread::sleep_for(cold_rest);
            }
          },
          helper_stop_);
    }
    if (projector_) {
      start(
          "projector", [this](const auto& stop) { run_projector(stop); }, projector_stop_);
    }
    if (observer_) {
      start(
          "observer", [this](const auto& stop) { run_observer(stop); }, projector_stop_);
    }
    if (command_table_) {
      start(
          "commands",
          [this](const auto& stop) {
            while (!stop) {
              if (command_table_->run_once() == 0) std::this_thread::sleep_for(cold_rest);
            }
          },
          projector_stop_);
    }
    const auto now = clock_.now();
    for (auto& part : parts_) part->driver->start(now);
    for (auto& hot : hots_) {
      start(
          hot->name, [loop = &*hot->loop](const auto& stop) { loop->run(stop); }, hot_stop_);
    }
  }

  template <class Body>
  void start(const std::string& name, Body body, std::atomic<bool>& stop) {
    threads_.emplace_back(&stop, std::thread{[this, name, body = std::move(body), &stop]() mutable {
      ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
      try {
        body(stop);
      } catch (const std::exception& error) {
        // What a thread cannot mend ends the daemon: systemd starts it again, the journal knows.
        log_.say(LogLevel::error, name, error.what());
        failed_ = true;
      }
    }});
  }

  void join(const std::atomic<bool>& stop) {
    for (auto& [flag, thread] : threads_) {
      if (flag == &stop && thread.joinable()) thread.join();
    }
  }

  void end_threads() {
    hot_stop_ = true;
    for (auto& hot : hots_) hot->waker.wake();
    join(hot_stop_);
    helper_stop_ = true;
    cancel_.set();
    join(helper_stop_);
    projector_stop_ = true;
    if (projector_) {
      projector_->interrupt();
      locks_->interrupt();
    }
    if (observer_) observer_->interrupt();
    if (command_table_) command_table_->interrupt();
    join(projector_stop_);
    snapshot_stop_ = true;
    join(snapshot_stop_);
    cold_stop_ = true;
    join(cold_stop_);
    log_.listen({});  // no other thread speaks any more
  }

  void run_projector(const std::atomic<bool>& stop) {
    auto next_lock = std::chrono::steady_clock::now();
    while (!stop) {
      if (projector_->run_once(clock_.now()) == 0) std::this_thread::sleep_for(cold_rest);
      if (std::chrono::steady_clock::now() >= next_lock) {
        keep_account_locks();
        next_lock = std::chrono::steady_clock::now() + lock_interval;
      }
      if (is_draining_) {
        projector_->hurry();
        is_drained_ = projector_->is_caught_up();
      }
    }
  }

  void run_observer(const std::atomic<bool>& stop) {
    while (!stop) {
      if (is_draining_) observer_->hurry();
      if (observer_->run_once(clock_.now()) == 0) std::this_thread::sleep_for(observer_rest);
    }
  }

  /// The lock protects the start; while PostgreSQL was away somebody else may have taken it, and
  /// then two daemons would trade one account.
  void keep_account_locks() {
    for (const auto& [name, identity] : identities_) {
      const auto answer = locks_->take(identity);
      if (answer.state != persistence::AccountLocks::State::held_by_another) continue;
      const auto account = catalog_.find_account(name);
      if (!account || !halted_.insert(name).second) continue;
      Event event;
      event.received = clock_.now();
      domain::Command command;
      command.token = next_token_.fetch_add(1);
      command.what = domain::SetTradingState{{*account, domain::no<domain::StrategyId>},
                                             domain::TradingState::halted,
                                             domain::no<domain::InstrumentId>};
      event.what = command;
      if (!projector_writer_->try_push(event)) {
        halted_.erase(name);
        continue;
      }
      engine_waker_->wake();
      log_.say(LogLevel::error, "postgres",
               fmt::format("account {}: another daemon holds its lock: {}; the account is halted; "
                           "stop one of the two, then resume it",
                           name, answer.words));
    }
  }

  // ---- control ----------------------------------------------------------------------------------

  bool submit(ControlLane::Writer& lane, Event event, std::string_view text) {
    // Writers count from 1; 0 is the control thread.
    remark_count_ = (remark_count_ + 1) & (long_remark_bit - 1);
    if (remark_count_ == 0) remark_count_ = 1;
    if (text.size() > domain::Remark::capacity) {
      // What is longer is not cut, it is the command's content: without it there is no command.
      event.remark = remark_count_ | long_remark_bit;
      if (text.size() > LongRemark::capacity ||
          !control_long_remarks_->try_push(
              LongRemark{event.remark, std::make_unique<const std::string>(text)})) {
        return false;
      }
    } else if (!text.empty()) {
      domain::Remark remark;
      remark.number = remark_count_;
      remark.length = static_cast<std::uint16_t>(std::min(text.size(), domain::Remark::capacity));
      std::copy_n(text.begin(), remark.length, remark.text.begin());
      if (control_remarks_->try_push(remark)) event.remark = remark.number;
    }
    if (!lane.try_push(event)) return false;
    engine_waker_->wake();
    return true;
  }

  /// What the control thread reads, with an eye on what concerns the daemon itself.
  bool next_frame(persistence::FrameView& frame) {
    if (!model_reader_->next(frame)) return false;
    const auto* command =
        frame.has_input ? std::get_if<domain::Command>(&frame.input.what) : nullptr;
    if (command != nullptr && std::holds_alternative<domain::PrepareStop>(command->what) &&
        frame.sequence > recovered_.last_sequence) {
      cancels_open_ = std::get<domain::PrepareStop>(command->what).cancel_open;
      is_prepared_ = true;
      is_stopping_ = true;
    }
    return true;
  }

  void serve() {
    control_->run_once(milliseconds{20});
    say_whispers(*log_reader_, log_);
    watch_journal();
    if (command_table_) command_table_->turn(control_->methods(), transport::Clock{}.now());
    if (failed_) throw std::runtime_error("a part of the daemon failed; see above");
    if (const int signal = signals_.next(); signal == SIGUSR1) {
      say(LogLevel::warning, "SIGUSR1: the kill switch");
      ask_engine(domain::KillSwitch{}, "SIGUSR1");
    } else if (signal != 0) {
      say(LogLevel::info, fmt::format("{}: stopping", ::strsignal(signal)));
      is_stopping_ = true;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_watch_ && engine_turns()) {
      ::sd_notify(0, "WATCHDOG=1");
      next_watch_ = now + milliseconds{500};
      if (observer_) observer_->see_venues(control_->model(), clock_.now());
    }
  }

  /// A command of the daemon's own, with its reason.
  void ask_engine(const decltype(domain::Command::what)& what, std::string_view why) {
    Event event;
    event.received = clock_.now();
    domain::Command command;
    command.token = next_token_.fetch_add(1);
    command.what = what;
    event.what = command;
    submit(*control_writer_, event, why);
  }

  /// Turns control until `is_done`, or the patience ends; whether it was done.
  template <class IsDone>
  bool serve_until(std::chrono::steady_clock::duration patience, IsDone is_done) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!is_done()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      serve();
    }
    return true;
  }

  /// Whether the engine has turned within its patience.
  bool engine_turns() {
    const auto turns = engine_loop_->counters().turns.load(std::memory_order_relaxed);
    const auto now = std::chrono::steady_clock::now();
    if (turns != seen_turns_) {
      seen_turns_ = turns;
      seen_at_ = now;
    }
    return now - seen_at_ < engine_patience;
  }

  /// Why the journal takes no new orders now; empty: it takes them.
  std::string journal_trouble() const {
    if (engine_loop_->counters().is_stalled.load() == 0 &&
        journal_->room() == domain::JournalRoom::open) {
      return {};
    }
    std::string words = journal_->last_error();
    return words.empty() ? "journal: its next file is not ready yet" : words;
  }

  void watch_journal() {
    const std::string words = journal_trouble();
    if (words.empty() == said_journal_trouble_.empty()) return;
    said_journal_trouble_ = words;
    log_.say(words.empty() ? LogLevel::warning : LogLevel::error, "journal",
             words.empty() ? "mended: new orders are taken again, and nothing was lost"
                           : "new orders are denied, cancels and fills go on: " + words);
  }

  // ---- the last resort ------------------------------------------------------------------------

  /// Compares every live account with its venue, cancels what is meant, waits until the venue has
  /// said that it is gone, and ends.
  void cancel_all() {
    const auto& model = control_->model();
    const auto is_compared = [&] {
      for (const config::Account& account : config_.accounts) {
        if (account.mode != config::AccountMode::live) continue;
        const auto id = catalog_.find_account(account.name);
        const auto ready = id ? model.accounts_ready().find(*id) : model.accounts_ready().end();
        if (ready == model.accounts_ready().end() || !ready->second.what.ready) return false;
      }
      return true;
    };
    const bool all_compared = serve_until(cancel_patience, is_compared) && !is_stopping_;
    domain::CancelAll cancel;
    cancel.reach = *options_.cancel_all;
    ask_engine(cancel, "--cancel-all");
    const auto is_left = [&] {
      std::size_t left = 0;
      for (const auto& [id, view] : model.orders()) {
        const bool is_meant = view.order.origin != domain::Origin::external ||
                              cancel.reach == domain::CancelReach::everything ||
                              !epochs_.contains(view.order.id.epoch);  // our name, as the engine
        if (view.is_open() && is_meant) ++left;
      }
      return left;
    };
    const bool all_gone = serve_until(cancel_patience, [&] { return is_left() == 0; });
    if (!all_compared) {
      cancel_trouble_ =
          "--cancel-all: an account could not be compared with its venue; orders may "
          "be open there that are not known here";
    } else if (!all_gone) {
      cancel_trouble_ =
          fmt::format("--cancel-all: {} orders are still open; see the log", is_left());
    } else {
      say(LogLevel::info, "--cancel-all: nothing is open any more");
    }
    is_stopping_ = true;
  }

  // ---- stop -------------------------------------------------------------------------------------

  void stop() {
    ::sd_notify(0, "STOPPING=1\nSTATUS=stopping");
    if (!is_prepared_) {
      ask_engine(domain::PrepareStop{config_.daemon.cancel_on_stop}, "signal");
      if (!serve_until(stop_patience, [this] { return is_prepared_; })) {
        say(LogLevel::warning, "the engine did not answer the stop; stopping all the same");
      }
    }
    if (cancels_open_ &&
        !serve_until(stop_patience, [this] { return control_->model().open_orders() == 0; })) {
      say(LogLevel::warning,
          fmt::format("{} orders are still open at the venues; the next start finds them",
                      control_->model().open_orders()));
    }
    serve_until(seconds{1}, [this] { return !control_->is_busy(); });

    // Nothing is decided from here on; what was decided is in the journal, and goes to PostgreSQL.
    hot_stop_ = true;
    for (auto& hot : hots_) hot->waker.wake();
    join(hot_stop_);
    if (projector_) {
      is_draining_ = true;
      if (!serve_until(drain_patience, [this] { return is_drained_.load(); })) {
        const auto& readings = projector_->readings();
        log_.say(LogLevel::warning, "postgres",
                 fmt::format("{} records are not in PostgreSQL yet; the journal keeps them, the "
                             "next start brings them",
                             journal_->last_sequence() - readings.position.load()));
      }
    }
    control_->catch_up();
    say_whispers(*log_reader_, log_);
    end_threads();
    snapshots_->make();
    const std::size_t open = control_->model().open_orders();
    say(LogLevel::info,
        fmt::format("stopped: journal at {}, {} open orders", journal_->last_sequence(), open));
  }

  // ---- what is shown ----------------------------------------------------------------------------

  Histogram::Counts counts_of(std::size_t stage) const {
    Histogram::Counts counts;
    for (const auto& hot : hots_) counts.add(hot->latency.stages.at(stage));
    return counts;
  }
  /// Nanoseconds per unit in which the stage is counted.
  double unit_of(std::size_t stage) const {
    return static_cast<Stage>(stage) == Stage::tick_to_order ? 1.0
                                                             : tick_rate_.nanoseconds_per_tick();
  }

  nlohmann::json latency_json() const {
    auto rows = nlohmann::json::array();
    for (std::size_t stage = 0; stage < stage_count; ++stage) {
      const auto counts = counts_of(stage);
      const double unit = unit_of(stage);
      const auto ns = [&](std::uint64_t value) {
        return static_cast<std::uint64_t>(static_cast<double>(value) * unit);
      };
      rows.push_back({{"stage", domain::enum_name(static_cast<Stage>(stage))},
                      {"count", counts.count},
                      {"latency_ns_p50", ns(counts.quantile(0.5))},
                      {"latency_ns_p90", ns(counts.quantile(0.9))},
                      {"latency_ns_p99", ns(counts.quantile(0.99))},
                      {"latency_ns_max", ns(counts.max)}});
    }
    return {{"stages", rows}};
  }

  std::vector<StageLatency> stages() const {
    std::vector<StageLatency> result;
    for (std::size_t stage = 0; stage < stage_count; ++stage) {
      const auto counts = counts_of(stage);
      const double unit = unit_of(stage);
      StageLatency row;
      row.stage = domain::enum_name(static_cast<Stage>(stage));
      row.count = counts.count;
      row.sum = domain::Duration{static_cast<std::int64_t>(static_cast<double>(counts.sum) * unit)};
      std::uint64_t up_to_here = 0;
      // One bucket a power of two from 128 ns to 134 ms: enough for a graph, few enough to scrape.
      std::size_t index = 0;
      for (std::uint64_t edge = 128; edge <= (std::uint64_t{1} << 27); edge *= 2) {
        for (; index < Histogram::bucket_count; ++index) {
          const auto upper =
              static_cast<std::uint64_t>(static_cast<double>(Histogram::upper_edge(index)) * unit);
          if (upper > edge) break;
          up_to_here += counts.buckets.at(index);
        }
        row.buckets.push_back({domain::Duration{static_cast<std::int64_t>(edge)}, up_to_here});
      }
      result.push_back(std::move(row));
    }
    return result;
  }

  nlohmann::json status_json() {
    nlohmann::json status{{"version", HALCYON_VERSION},
                          {"pid", ::getpid()},
                          {"threads", domain::enum_name(config_.engine.threads)},
                          {"wait", domain::enum_name(config_.engine.wait)},
                          {"sync", domain::enum_name(config_.journal.sync)},
                          {"http_port", control_->http_port()},
                          {"journal_sequence", journal_->last_sequence()},
                          {"journal_durable", journal_->durable_sequence()},
                          {"journal_room", domain::enum_name(journal_->room())},
                          {"journal_error", journal_->last_error()},
                          {"journal_directory", journal_directory()},
                          {"snapshot_sequence", snapshots_->readings().newest.load()},
                          {"engine_turns", engine_turns()}};
    if (projector_) {
      const auto& readings = projector_->readings();
      status["postgres"] = {{"is_connected", readings.is_connected.load()},
                            {"is_stopped", readings.is_stopped.load()},
                            {"position", readings.position.load()},
                            {"backlog_records", readings.backlog_records.load()},
                            {"backlog_ms", readings.backlog_ms.load()},
                            {"rejected_rows", readings.rejected_rows.load()}};
    }
    return status;
  }

  std::vector<MetricSample> samples() const {
    std::vector<MetricSample> list;
    const auto add = [&](std::string name, std::string help, MetricType type, double value,
                         std::vector<std::pair<std::string, std::string>> labels = {}) {
      list.push_back({std::move(name), std::move(help), type, std::move(labels), value});
    };
    const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
    const auto& engine = engine_loop_->counters();
    add("halcyon_engine_events_total", "Events that the engine handled.", MetricType::counter,
        number(engine.events.load()));
    add("halcyon_engine_commands_total", "Commands that left the engine.", MetricType::counter,
        number(engine.commands.load()));
    add("halcyon_engine_stalled", "1 while a frame cannot be journaled and everything waits.",
        MetricType::gauge, number(engine.is_stalled.load()));
    add("halcyon_journal_durable_sequence", "Up to which sequence the journal is durable.",
        MetricType::gauge, number(journal_->durable_sequence()));
    add("halcyon_journal_reserve", "1 while the journal has no next segment.", MetricType::gauge,
        journal_->room() == domain::JournalRoom::reserve ? 1 : 0);
    add("halcyon_journal_left_out_total", "Refused orders left out of a journal without room.",
        MetricType::counter, number(journal_->left_out()));
    if (capture_) {
      add("halcyon_captured_events_total", "Events handed to the capture.", MetricType::counter,
          number(engine.captured.load()));
      add("halcyon_capture_lost_total", "Events that the capture has not got.", MetricType::counter,
          number(engine.capture_lost.load()), {{"where", "lane"}});
      add("halcyon_capture_lost_total", "Events that the capture has not got.", MetricType::counter,
          number(capture_unwritten_.load()), {{"where", "disk"}});
      add("halcyon_captured_bytes_total", "Compressed bytes written.", MetricType::counter,
          number(captured_bytes_.load()));
    }
    const auto& snapshots = snapshots_->readings();
    add("halcyon_snapshot_sequence", "The journal sequence of the newest snapshot.",
        MetricType::gauge, number(snapshots.newest.load()));
    add("halcyon_snapshots_made_total", "Snapshots made.", MetricType::counter,
        number(snapshots.made.load()));
    add("halcyon_snapshots_failed_total", "Snapshots that could not be made.", MetricType::counter,
        number(snapshots.failed.load()));
    add("halcyon_snapshot_bytes", "Size of the newest snapshot.", MetricType::gauge,
        number(snapshots.bytes.load()));
    add("halcyon_snapshot_duration_seconds", "How long the newest snapshot took.",
        MetricType::gauge, number(snapshots.duration_us.load()) / 1e6);
    add("halcyon_journal_segments_removed_total", "Files of the journal that were removed.",
        MetricType::counter, number(snapshots.segments_removed.load()));
    for (const auto& part : parts_) {
      const Driver& driver = *part->driver;
      const std::vector<std::pair<std::string, std::string>> session{{"session", driver.name()}};
      add("halcyon_frames_total", "Frames received.", MetricType::counter,
          number(driver.counters().frames.load()), session);
      add("halcyon_frame_bytes_total", "Bytes of frames received.", MetricType::counter,
          number(driver.counters().bytes.load()), session);
      add("halcyon_connects_total", "Connections made.", MetricType::counter,
          number(driver.counters().connects.load()), session);
      add("halcyon_order_lane_delayed_total", "Events that waited for room in the order lane.",
          MetricType::counter, number(driver.orders().delayed()), session);
      add("halcyon_remarks_lost_total", "Texts beside events that found no room.",
          MetricType::counter, number(driver.orders().lost_remarks()), session);
      if (const MarketWriter* market = driver.market(); market != nullptr) {
        const auto& losses = market->losses();
        add("halcyon_quotes_conflated_total", "Quotes replaced by a newer one on a full lane.",
            MetricType::counter, number(losses.quotes_conflated.load()), session);
        add("halcyon_trades_lost_total", "Trades lost on a full lane.", MetricType::counter,
            number(losses.trades_lost.load()), session);
        add("halcyon_books_invalidated_total", "Books that lost a run on a full lane.",
            MetricType::counter, number(losses.books_invalidated.load()), session);
      }
      driver.each_session_counter([&](std::string_view counter, std::uint64_t value) {
        add("halcyon_session_events_total", "What the session counted, by kind.",
            MetricType::counter, number(value),
            {{"session", driver.name()}, {"kind", std::string{counter}}});
      });
    }
    if (projector_) {
      const auto& readings = projector_->readings();
      add("halcyon_projection_position", "The last journal sequence that is in PostgreSQL.",
          MetricType::gauge, number(readings.position.load()));
      add("halcyon_projection_backlog_records", "Journal sequences not in PostgreSQL yet.",
          MetricType::gauge, number(readings.backlog_records.load()));
      add("halcyon_projection_backlog_seconds", "Age of the oldest of them.", MetricType::gauge,
          number(readings.backlog_ms.load()) / 1000);
      add("halcyon_projection_alarm", "1 while PostgreSQL is behind for longer than a minute.",
          MetricType::gauge, readings.is_alarmed.load() ? 1 : 0);
      add("halcyon_projection_connected", "1 while PostgreSQL answers.", MetricType::gauge,
          readings.is_connected.load() ? 1 : 0);
      add("halcyon_projection_rejected_rows_total", "Rows that PostgreSQL refused, set aside.",
          MetricType::counter, number(readings.rejected_rows.load()));
      for (auto& sample : observer_->samples()) list.push_back(std::move(sample));
    }
    return list;
  }

  bool is_known(const domain::Named& named) const {
    const auto index = static_cast<std::size_t>(named.kind);
    return index < recovered_names_.size() && named.id < recovered_names_.at(index);
  }

  config::Config config_;
  transport::Clock clock_;
  Log& log_;
  Signals signals_;
  CancelFd cancel_;
  TickRate tick_rate_;
  DataDir data_dir_;
  std::string journal_directory_;

  domain::Catalog catalog_;
  std::array<std::uint32_t, domain::enum_count<domain::NameKind>()> recovered_names_{};
  std::map<std::pair<domain::DefinitionKind, std::uint32_t>, std::pair<std::uint32_t, std::string>>
      definitions_;
  std::vector<std::pair<domain::Defined, std::string>> new_definitions_;
  SealedSecrets sealed_secrets_;
  std::optional<OpenedSecrets> opened_secrets_;
  std::vector<std::string> without_keys_;  ///< accounts that cannot trade
  std::optional<CredentialSealer> sealer_;
  persistence::Recovered recovered_;
  std::unique_ptr<persistence::Journal> journal_;
  std::uint32_t epoch_ = 0;
  std::uint32_t last_epoch_ = 0;
  std::set<std::uint32_t> epochs_;  ///< of this journal, this start's included
  std::vector<std::pair<std::string, persistence::AccountIdentity>> identities_;
  std::optional<persistence::AccountLocks> locks_;  ///< the start's, then the projector thread's
  std::set<std::string> halted_;                    ///< accounts that somebody else holds
  std::unique_ptr<engine::Engine> engine_;

  std::unique_ptr<MarketLane> market_lane_;
  std::unique_ptr<OrderLane> order_lane_;
  std::unique_ptr<RemarkLane> remark_lane_;
  std::unique_ptr<LongRemarkLane> long_remark_lane_;
  std::unique_ptr<ControlLane> control_lane_;
  std::unique_ptr<LogLane> log_lane_;
  std::optional<LogLane::Reader> log_reader_;
  std::optional<ControlLane::Writer> control_writer_, projector_writer_;
  std::optional<RemarkLane::Writer> control_remarks_;
  std::optional<LongRemarkLane::Writer> control_long_remarks_;
  std::uint32_t remark_count_ = 0;
  std::atomic<std::uint64_t> next_token_{1};  ///< the admin's tokens are far above
  std::vector<std::unique_ptr<Hot>> hots_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::unique_ptr<EngineLoop> engine_loop_;
  Waker* engine_waker_ = nullptr;

  std::unique_ptr<persistence::JournalReader> model_reader_;
  std::optional<ControlLoop> control_;
  std::optional<persistence::Projector> projector_;
  std::optional<Observer> observer_;
  std::optional<CommandTable> command_table_;
  std::optional<Snapshots> snapshots_;
  std::optional<persistence::CaptureWriter> capture_;  ///< the capture thread's
  std::unique_ptr<CaptureLane> capture_lane_;
  std::atomic<std::uint64_t> captured_bytes_{0}, capture_unwritten_{0};
  std::string said_journal_trouble_;
  std::uint64_t seen_turns_ = 0;
  std::chrono::steady_clock::time_point seen_at_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point next_watch_;
  bool is_stopping_ = false;
  Options options_;
  std::string cancel_trouble_;  ///< why --cancel-all has failed; empty: it has not
  bool is_prepared_ = false;
  bool cancels_open_ = false;
  std::atomic<bool> is_draining_{false}, is_drained_{false};
  std::atomic<bool> failed_{false};

  std::atomic<bool> hot_stop_{false}, helper_stop_{false}, projector_stop_{false},
      snapshot_stop_{false}, cold_stop_{false};
  std::vector<std::pair<std::atomic<bool>*, std::thread>> threads_;
};

Daemon::Daemon(config::Config config, const Options& options, Log& log)
    : impl_(std::make_unique<Impl>(std::move(config), options, log)) {}
Daemon::~Daemon() = default;

void Daemon::run() { impl_->run(); }

}  // namespace halcyon::daemon
