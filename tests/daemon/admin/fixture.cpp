#include "tests/daemon/admin/fixture.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace halcyon::daemon::test {

using namespace domain::literals;

void Frames::push_input(const domain::Event::What& what, domain::VenueId venue,
                        domain::AccountId account) {
  domain::Event event;
  event.venue = venue;
  event.account = account;
  event.what = what;
  push(Frame{event, "", {}});
}

bool Frames::next(persistence::FrameView& view) {
  if (waiting_.empty()) return false;
  current_ = std::move(waiting_.front());
  waiting_.pop_front();
  entries_.clear();
  for (const auto& [record, text] : current_.records) entries_.push_back({record, text});
  ++sequence_;
  view = {};
  view.sequence = sequence_;
  view.received = last_time();
  view.has_input = current_.input.has_value();
  if (current_.input) view.input = *current_.input;
  view.remark = current_.remark;
  view.records = entries_;
  return true;
}

config::Config sample_config() {
  config::Config config;
  config.daemon.name = "alpha";
  config.metrics.listen = "127.0.0.1:0";
  config::Venue venue;
  venue.name = "binance";
  venue.instruments = {"BTC/USDT"};
  config.venues = {venue};
  config::Account account;
  account.name = "main";
  account.venue = "binance";
  config.accounts.push_back(account);
  account.name = "second";
  config.accounts.push_back(account);
  config::Strategy strategy;
  strategy.name = "cross";
  strategy.type = "trend_following";
  strategy.accounts = {"main"};
  strategy.instruments = {"BTC/USDT"};
  strategy.timeframe = {1, domain::TimeUnit::second};
  strategy.capital = "5000"_usd;
  config.strategies = {strategy};
  return config;
}

void push_dictionary(Frames& frames) {
  domain::Catalog catalog;
  catalog.venue("binance");
  catalog.account("main", binance);
  catalog.account("second", binance);
  catalog.strategy("cross");
  catalog.instrument(binance, "BTC/USDT");
  Frame frame;
  catalog.each([&](const domain::Named& named, std::string_view text) {
    frame.records.emplace_back(named, std::string{text});
  });
  frame.records.emplace_back(domain::EpochStarted{epoch}, "");
  frames.push(std::move(frame));
}

domain::NewOrder sample_order(std::uint32_t counter) {
  domain::NewOrder order;
  order.id = {epoch, counter};
  order.account = main_account;
  order.strategy = cross;
  order.instrument = btc_usdt;
  order.type = domain::OrderType::limit;
  order.quantity = "2"_qty;
  order.limit_price = "100.5"_px;
  order.created = start;
  return order;
}

domain::OrderChanged changed(std::uint32_t counter, domain::OrderState state,
                             domain::Reason reason) {
  domain::OrderChanged change;
  change.order = {epoch, counter};
  change.state = state;
  change.reason = reason;
  return change;
}

domain::FillBooked fill(std::uint64_t number, std::uint32_t counter) {
  domain::FillBooked booked;
  booked.number = number;
  booked.order = {epoch, counter};
  booked.venue_order = domain::ForeignId::number(77);
  booked.trade = domain::ForeignId::number(1000 + number);
  booked.account = main_account;
  booked.strategy = cross;
  booked.instrument = btc_usdt;
  booked.fee_asset = usdt;
  booked.price = "100.5"_px;
  booked.quantity = "0.5"_qty;
  booked.quote_amount = "50.25"_usd;
  booked.fee = "0.05025"_usd;
  booked.venue_time = start;
  return booked;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "halcyon-admin-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Daemon::Daemon(config::Config given, domain::Timestamp started)
    : settings(std::move(given)), now(started) {
  if (settings.admin.socket == config::Admin{}.socket) {
    settings.admin.socket = directory.path() + "/admin.sock";
  }
  ControlHooks hooks;
  hooks.now = [this] { return now; };
  hooks.next_frame = [this](persistence::FrameView& view) { return frames.next(view); };
  hooks.admin.submit = [this](const domain::Event& event, std::string_view remark) {
    if (lane_is_full) return false;
    submitted.emplace_back(event, std::string{remark});
    if (!engine_is_silent) {
      auto record = answer;
      const auto& command = std::get<domain::Command>(event.what);
      record.token = command.token;
      Frame frame{event, std::string{remark}, {}};
      if (decides) frame.records = decides(command, remark);
      frame.records.emplace_back(record, answer_text);
      frames.push(std::move(frame));
    }
    return true;
  };
  hooks.admin.sealer = &sealer;
  hooks.admin.latency = [] {
    return nlohmann::json{{"stages", {{{"stage", "decode"}, {"count", 3}, {"p50_ns", 512}}}}};
  };
  hooks.admin.status = [] { return nlohmann::json{{"threads", "shared"}}; };
  hooks.engine_turns = [this] { return engine_turns; };
  hooks.samples = [this] { return samples; };
  hooks.stages = [this] { return stages; };
  loop = std::make_unique<ControlLoop>(settings, std::move(hooks));
  push_dictionary(frames);
  loop->catch_up();
}

bool Daemon::turn_until(const std::function<bool()>& done) {
  for (int count = 0; count < max_turns; ++count) {
    if (done()) return true;
    loop->run_once(std::chrono::milliseconds{1});
  }
  return done();
}

Client::Client(Daemon& daemon) : daemon_(daemon) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, daemon.settings.admin.socket.c_str(), sizeof address.sun_path - 1);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd_, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(std::string{"connect: "} + std::strerror(errno));
  }
}

Client::Client(Daemon& daemon, std::uint16_t port) : daemon_(daemon) {
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd_, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(std::string{"connect: "} + std::strerror(errno));
  }
}

Client::~Client() { close(); }

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  closed_ = true;
}

void Client::end_sending() { ::shutdown(fd_, SHUT_WR); }

void Client::receive() {
  std::array<char, 65536> chunk;
  while (!closed_) {
    const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got > 0) {
      received_.append(chunk.data(), static_cast<std::size_t>(got));
    } else {
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) closed_ = true;
      return;
    }
  }
}

bool Client::send(std::string_view text) {
  return daemon_.turn_until([&] {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent <= 0) {
        // Gone: what is left will never be taken.
        if (errno != EAGAIN) closed_ = errno != ECONNRESET && errno != EPIPE ? closed_ : true;
        return closed_;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }) && text.empty();
}

std::string Client::line() {
  daemon_.turn_until([&] {
    receive();
    return closed_ || received_.find('\n') != std::string::npos;
  });
  const std::size_t end = received_.find('\n');
  if (end == std::string::npos) return {};
  std::string text = received_.substr(0, end);
  received_.erase(0, end + 1);
  return text;
}

std::string Client::rest() {
  daemon_.turn_until([&] {
    receive();
    return closed_;
  });
  return std::exchange(received_, {});
}

std::string Client::read(std::size_t count) {
  daemon_.turn_until([&] {
    receive();
    return closed_ || received_.size() >= count;
  });
  std::string text = received_.substr(0, count);
  received_.erase(0, text.size());
  return text;
}

const std::string& Client::pending() {
  receive();
  return received_;
}

bool Client::is_closed() {
  receive();
  return closed_;
}

Ended run(const std::vector<std::string>& command, Daemon* daemon) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) return {};
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  Ended ended;
  const auto drain = [](int fd, std::string& text) {
    std::array<char, 65536> chunk;
    for (;;) {
      ::pollfd readable{fd, POLLIN, 0};
      if (::poll(&readable, 1, 0) <= 0) return false;
      const ssize_t got = ::read(fd, chunk.data(), chunk.size());
      if (got <= 0) return true;
      text.append(chunk.data(), static_cast<std::size_t>(got));
    }
  };
  bool out_ended = false;
  bool err_ended = false;
  while (!out_ended || !err_ended) {
    if (daemon != nullptr) {
      daemon->loop->run_once(std::chrono::milliseconds{1});
    } else {
      std::array<::pollfd, 2> both{::pollfd{out_ended ? -1 : out[0], POLLIN, 0},
                                   ::pollfd{err_ended ? -1 : err[0], POLLIN, 0}};
      ::poll(both.data(), both.size(), -1);
    }
    out_ended = out_ended || drain(out[0], ended.out);
    err_ended = err_ended || drain(err[0], ended.err);
  }
  ::close(out[0]);
  ::close(err[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) ended.exit_code = WEXITSTATUS(status);
  return ended;
}

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string places = path == nullptr ? "/usr/bin" : path;
  while (!places.empty()) {
    const std::size_t colon = places.find(':');
    const std::string file = places.substr(0, colon) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    places = colon == std::string::npos ? "" : places.substr(colon + 1);
  }
  return {};
}

}  // namespace halcyon::daemon::test
