// The only file, with tls_line.h below it, that knows Asio and Beast.

#include "simulation/venue_server.h"

#include <charconv>
#include <csignal>
#include <deque>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "simulation/tls_line.h"

namespace halcyon::simulation {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using LocalSocket = asio::local::stream_protocol::socket;

constexpr auto handshake_timeout = std::chrono::seconds{10};
constexpr auto idle_timeout = std::chrono::minutes{10};
constexpr auto close_timeout = std::chrono::seconds{2};
/// No sleep is longer, so that a replay that is set going elsewhere is noticed.
constexpr auto longest_sleep = std::chrono::seconds{1};

}  // namespace

class VenueServer::Impl {
 public:
  Impl(const ServerSettings& settings, SimClock clock, Venue& venue, ControlHandler control)
      : settings_(settings),
        clock_(clock),
        venue_(venue),
        control_(std::move(control)),
        acceptor_(io_),
        control_acceptor_(io_),
        timer_(io_),
        signals_(io_) {
    error_code failed;
    tls_.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                     asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                     asio::ssl::context::no_tlsv1_1);
    tls_.use_certificate_chain_file(settings.certificate.string(), failed);
    if (failed) refuse(settings.certificate.string(), failed);
    tls_.use_private_key_file(settings.private_key.string(), asio::ssl::context::pem, failed);
    if (failed) refuse(settings.private_key.string(), failed);
    listen();
    if (!settings.control_socket.empty()) listen_control();
  }

  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void run() {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.async_wait([this](error_code failed, int) {
      if (!failed) stop();
    });
    accept();
    if (control_acceptor_.is_open()) accept_control();
    turn();
    io_.run();
  }

  void stop() {
    asio::post(io_, [this] { io_.stop(); });
  }

 private:
  class Client;
  class ControlClient;

  [[noreturn]] static void refuse(const std::string& what, const error_code& why) {
    throw std::runtime_error(what + ": " + why.message());
  }

  void listen() {
    error_code failed;
    const auto address = asio::ip::make_address(settings_.host, failed);
    const auto where = settings_.host + ':' + std::to_string(settings_.port);
    if (failed) refuse(where + " is no address to listen on", failed);
    const tcp::endpoint endpoint{address, settings_.port};
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) refuse("cannot listen on " + where, failed);
  }

  void listen_control() {
    error_code failed;
    const auto& path = settings_.control_socket;
    if (path.string().size() >= 108) {
      throw std::runtime_error(path.string() + ": too long for a Unix socket (107 characters)");
    }
    const asio::local::stream_protocol::endpoint endpoint{path.string()};
    // A socket that nobody answers is left over from a killed process.
    LocalSocket probe{io_};
    probe.connect(endpoint, failed);
    if (!failed) throw std::runtime_error(path.string() + ": another process listens here");
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
    failed = {};
    control_acceptor_.open(endpoint.protocol(), failed);
    const auto mask = ::umask(0177);
    if (!failed) control_acceptor_.bind(endpoint, failed);
    ::umask(mask);
    if (!failed) control_acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) refuse(path.string() + ": cannot listen", failed);
  }

  void accept();
  void accept_control();

  /// One turn of the venue.
  void turn() {
    Actions actions;
    venue_.turn(clock_.now(), actions);
    after(actions);
  }

  /// What the venue wants is done, and its next turn is arranged.
  void after(const Actions& actions) {
    perform(actions);
    const auto now = clock_.now();
    const auto due = std::min(venue_.next_deadline(), now + longest_sleep);
    if (due <= now) {
      if (turn_posted_) return;
      // Posted, so that the sockets have their share first.
      turn_posted_ = true;
      asio::post(io_, [this] {
        turn_posted_ = false;
        turn();
      });
      return;
    }
    if (due >= armed_for_) return;
    armed_for_ = due;
    timer_.expires_after(clock_.real(due - now));
    timer_.async_wait([this](error_code failed) {
      if (failed) return;
      armed_for_ = domain::never;
      turn();
    });
  }

  void perform(const Actions& actions);

  ServerSettings settings_;
  SimClock clock_;
  Venue& venue_;
  ControlHandler control_;
  asio::io_context io_{1};
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  tcp::acceptor acceptor_;
  asio::local::stream_protocol::acceptor control_acceptor_;
  asio::steady_timer timer_;
  asio::signal_set signals_;
  std::map<ConnectionId, std::weak_ptr<Client>> clients_;
  std::uint64_t next_id_ = 1;
  Timestamp armed_for_ = domain::never;  ///< when the timer will turn
  bool turn_posted_ = false;
};

/// One TLS line: REST requests until it asks for a WebSocket, then that.
class VenueServer::Impl::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(tcp::socket socket, Impl& server)
      : server_(server),
        stream_(std::in_place, std::move(socket), server.tls_),
        timer_(server.io_) {}

  ~Client() { gone(); }

  void start() {
    stream_->socket().set_option(tcp::no_delay(true));
    stream_->expires_after(handshake_timeout);
    stream_->handshake([self = shared_from_this()](error_code failed) {
      if (!failed) self->read_request();
    });
  }

  void send(Text text) {
    if (cut_) return;
    waiting_bytes_ += text->size();
    if (waiting_bytes_ > max_waiting_bytes) return cut();
    waiting_.push_back(std::move(text));
    if (!writing_) write();
  }

  void ping(const std::string& payload) {
    if (cut_ || !socket_ || pinging_) return;
    pinging_ = true;
    socket_->async_ping(websocket::ping_data{payload.data(), payload.size()},
                        [self = shared_from_this()](error_code) { self->pinging_ = false; });
  }

  void close(std::uint16_t code, const std::string& reason) {
    if (code == 0 || !socket_) return cut();
    if (cut_ || closing_) return;
    closing_ = true;
    socket_->async_close(websocket::close_reason{static_cast<websocket::close_code>(code), reason},
                         [self = shared_from_this()](error_code) { self->cut(); });
    timer_.expires_after(close_timeout);
    timer_.async_wait([self = shared_from_this()](error_code failed) {
      if (!failed) self->cut();
    });
  }

 private:
  friend class Impl;

  TlsLine& line() { return socket_ ? socket_->next_layer() : *stream_; }

  /// The line ends: by a reset without a word, unless the other end has gone already.
  void cut(bool reset = true) {
    if (cut_) return;
    cut_ = true;
    error_code ignored;
    auto& socket = line().socket();
    if (reset) socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
    timer_.cancel();
    gone();
  }

  void gone() {
    if (!id_) return;
    server_.clients_.erase(*id_);
    server_.venue_.on_closed(*std::exchange(id_, std::nullopt));
  }

  // --- REST

  void read_request() {
    parser_.emplace();
    parser_->body_limit(max_message_bytes);
    line().expires_after(idle_timeout);
    http::async_read(*stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code failed, std::size_t) {
                       if (!failed) self->on_request();
                     });
  }

  void on_request() {
    const auto request = parser_->release();
    keep_alive_ = request.keep_alive();
    if (websocket::is_upgrade(request)) return upgrade(request);
    HttpRequest asked;
    asked.method = std::string{request.method_string()};
    asked.target = std::string{request.target()};
    asked.body = request.body();
    for (const auto& field : request) {
      std::string name{field.name_string()};
      for (auto& letter : name) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
      }
      asked.headers[name] = std::string{field.value()};
    }
    Actions actions;
    const auto answer = server_.venue_.on_http(asked, server_.clock_.now(), actions);
    if (answer.lost) {
      cut();
    } else {
      respond(answer, request.version());
    }
    server_.after(actions);
  }

  void respond(const HttpAnswer& answer, unsigned version) {
    response_ = {};
    response_.version(version);
    response_.result(answer.status);
    response_.set(http::field::server, "halcyon-sim");
    for (const auto& [name, value] : answer.headers) response_.set(name, value);
    response_.keep_alive(keep_alive_);
    response_.body() = answer.body;
    response_.prepare_payload();
    if (answer.delay > Duration{}) {
      timer_.expires_after(server_.clock_.real(answer.delay));
      timer_.async_wait([self = shared_from_this()](error_code failed) {
        if (!failed) self->write_response();
      });
    } else {
      write_response();
    }
  }

  void write_response() {
    line().expires_after(idle_timeout);
    http::async_write(*stream_, response_,
                      [self = shared_from_this()](error_code failed, std::size_t) {
                        if (failed) return;
                        if (self->keep_alive_) return self->read_request();
                        self->line().expires_after(close_timeout);
                        self->stream_->shutdown([self](error_code) {});
                      });
  }

  // --- WebSocket

  void upgrade(const http::request<http::string_body>& request) {
    id_ = static_cast<ConnectionId>(server_.next_id_++);
    Actions actions;
    const auto refused = server_.venue_.open(
        *id_, std::string_view{request.target().data(), request.target().size()},
        server_.clock_.now(), actions);
    if (refused) {
      id_.reset();
      keep_alive_ = false;
      respond(*refused, request.version());
      server_.after(actions);
      return;
    }
    server_.clients_[*id_] = weak_from_this();
    line().expires_never();
    socket_.emplace(std::move(*stream_));
    stream_.reset();
    auto timeout = websocket::stream_base::timeout::suggested(beast::role_type::server);
    timeout.idle_timeout = websocket::stream_base::none();
    timeout.keep_alive_pings = false;
    socket_->set_option(timeout);
    socket_->read_message_max(max_message_bytes);
    socket_->control_callback([this](websocket::frame_type kind, beast::string_view payload) {
      if (!id_) return;
      Actions due;
      const auto now = server_.clock_.now();
      if (kind == websocket::frame_type::ping) {
        server_.venue_.on_ping(*id_, now, due);
      } else if (kind == websocket::frame_type::pong) {
        server_.venue_.on_pong(*id_, {payload.data(), payload.size()}, now, due);
      }
      // Not from inside Beast's own read: a close there would be re-entered.
      if (!due.empty()) {
        asio::post(server_.io_, [self = shared_from_this(), due = std::move(due)] {
          self->server_.perform(due);
        });
      }
    });
    writing_ = true;  // nothing goes out before the handshake has
    socket_->async_accept(request, [self = shared_from_this()](error_code failed) {
      self->writing_ = false;
      if (failed) return self->cut();
      if (!self->waiting_.empty()) self->write();
      self->read();
    });
    server_.after(actions);
  }

  void read() {
    socket_->async_read(buffer_, [self = shared_from_this()](error_code failed, std::size_t) {
      if (failed || self->cut_) return self->cut(false);
      self->on_message();
      if (!self->cut_) self->read();
    });
  }

  void on_message() {
    const auto bytes = buffer_.cdata();
    Actions actions;
    server_.venue_.on_text(*id_, {static_cast<const char*>(bytes.data()), bytes.size()},
                           server_.clock_.now(), actions);
    buffer_.consume(buffer_.size());
    server_.after(actions);
  }

  void write() {
    writing_ = true;
    socket_->text(true);
    const auto text = waiting_.front();
    socket_->async_write(asio::buffer(*text),
                         [self = shared_from_this(), text](error_code failed, std::size_t) {
                           self->writing_ = false;
                           if (failed) return self->cut();
                           self->waiting_bytes_ -= text->size();
                           self->waiting_.pop_front();
                           if (!self->cut_ && !self->closing_ && !self->waiting_.empty()) {
                             self->write();
                           }
                         });
  }

  Impl& server_;
  std::optional<TlsLine> stream_;
  std::optional<websocket::stream<TlsLine>> socket_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  bool keep_alive_ = false;
  std::optional<ConnectionId> id_;
  std::deque<Text> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool writing_ = false;
  bool pinging_ = false;
  bool closing_ = false;
  bool cut_ = false;
};

/// One line of the control socket.
class VenueServer::Impl::ControlClient : public std::enable_shared_from_this<ControlClient> {
 public:
  ControlClient(LocalSocket socket, Impl& server)
      : server_(server), socket_(std::move(socket)), buffer_(max_control_line) {}

  void read() {
    asio::async_read_until(socket_, buffer_, '\n',
                           [self = shared_from_this()](error_code failed, std::size_t size) {
                             if (!failed) self->on_line(size);
                           });
  }

 private:
  void on_line(std::size_t size) {
    const auto begin = asio::buffers_begin(buffer_.data());
    const std::string line{begin, begin + static_cast<std::ptrdiff_t>(size - 1)};
    buffer_.consume(size);
    Actions actions;
    answer_ = server_.control_(line, server_.clock_.now(), actions) + '\n';
    server_.after(actions);
    asio::async_write(socket_, asio::buffer(answer_),
                      [self = shared_from_this()](error_code failed, std::size_t) {
                        if (!failed) self->read();
                      });
  }

  Impl& server_;
  LocalSocket socket_;
  asio::streambuf buffer_;
  std::string answer_;
};

VenueServer::Impl::~Impl() {
  // Handlers that never ran die with the context; their clients must not look for us then.
  while (!clients_.empty()) {
    const auto client = clients_.begin()->second.lock();
    if (client) {
      client->cut();
    } else {
      clients_.erase(clients_.begin());
    }
  }
  if (!settings_.control_socket.empty()) ::unlink(settings_.control_socket.c_str());
}

void VenueServer::Impl::accept() {
  acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
    if (failed == asio::error::operation_aborted) return;
    if (!failed) std::make_shared<Client>(std::move(socket), *this)->start();
    accept();
  });
}

void VenueServer::Impl::accept_control() {
  control_acceptor_.async_accept([this](error_code failed, LocalSocket socket) {
    if (failed == asio::error::operation_aborted) return;
    if (!failed) std::make_shared<ControlClient>(std::move(socket), *this)->read();
    accept_control();
  });
}

void VenueServer::Impl::perform(const Actions& actions) {
  const auto client = [&](ConnectionId id) {
    const auto found = clients_.find(id);
    return found == clients_.end() ? nullptr : found->second.lock();
  };
  for (const auto& action : actions) {
    if (const auto* text = std::get_if<SendText>(&action)) {
      if (const auto to = client(text->connection)) to->send(text->text);
    } else if (const auto* ping = std::get_if<SendPing>(&action)) {
      if (const auto to = client(ping->connection)) to->ping(ping->payload);
    } else {
      const auto& close = std::get<CloseConnection>(action);
      if (const auto to = client(close.connection)) to->close(close.code, close.reason);
    }
  }
}

VenueServer::VenueServer(const ServerSettings& settings, SimClock clock, Venue& venue,
                         ControlHandler control)
    : impl_(std::make_unique<Impl>(settings, clock, venue, std::move(control))) {}
VenueServer::~VenueServer() = default;
std::uint16_t VenueServer::port() const { return impl_->port(); }
void VenueServer::run() { impl_->run(); }
void VenueServer::stop() { impl_->stop(); }

}  // namespace halcyon::simulation
