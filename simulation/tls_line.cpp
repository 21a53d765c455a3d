#include "simulation/tls_line.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace halcyon::simulation {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

struct TlsLine::Stream {
  Stream(asio::ip::tcp::socket socket, asio::ssl::context& context)
      : tls(std::move(socket), context) {}
  beast::ssl_stream<beast::tcp_stream> tls;
};

TlsLine::TlsLine(asio::ip::tcp::socket socket, asio::ssl::context& context)
    : stream_(std::make_unique<Stream>(std::move(socket), context)) {}
TlsLine::TlsLine(TlsLine&&) noexcept = default;
TlsLine& TlsLine::operator=(TlsLine&&) noexcept = default;
TlsLine::~TlsLine() = default;

TlsLine::executor_type TlsLine::get_executor() { return stream_->tls.get_executor(); }
asio::ip::tcp::socket& TlsLine::socket() { return stream_->tls.next_layer().socket(); }
void TlsLine::expires_after(std::chrono::nanoseconds time) {
  stream_->tls.next_layer().expires_after(time);
}
void TlsLine::expires_never() { stream_->tls.next_layer().expires_never(); }

void TlsLine::handshake(Done done) {
  stream_->tls.async_handshake(asio::ssl::stream_base::server, std::move(done));
}
void TlsLine::shutdown(Done done) { stream_->tls.async_shutdown(std::move(done)); }

void TlsLine::read_some(asio::mutable_buffer into, Moved moved) {
  stream_->tls.async_read_some(into, std::move(moved));
}
void TlsLine::write_some(asio::const_buffer from, Moved moved) {
  stream_->tls.async_write_some(from, std::move(moved));
}

void teardown(beast::role_type, TlsLine& line, error_code& failed) {
  failed = {};
  beast_close_socket(line);
}

void beast_close_socket(TlsLine& line) {
  error_code ignored;
  line.socket().close(ignored);
}

}  // namespace halcyon::simulation
