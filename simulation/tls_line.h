#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

namespace boost::asio::ssl {
class context;
}
namespace boost::beast {
enum class role_type;  // a header with Beast in it would cost all who include it
}

namespace halcyon::simulation {

/// TLS over TCP, the server's side, as an Asio stream whose handlers are erased. Beast builds an
/// HTTP or WebSocket operation around the one below it, type in type: above a TLS stream that is
/// the longest compilation of the project. Above this it is not, and TLS is compiled once
/// (tls_line.cpp). Thread: that of the socket's io_context, which is to be the only one.
class TlsLine {
 public:
  using executor_type = boost::asio::any_io_executor;
  using Done = std::function<void(boost::system::error_code)>;
  using Moved = std::function<void(boost::system::error_code, std::size_t)>;

  TlsLine(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context);
  TlsLine(TlsLine&&) noexcept;
  TlsLine& operator=(TlsLine&&) noexcept;
  ~TlsLine();

  executor_type get_executor();
  boost::asio::ip::tcp::socket& socket();
  /// What has not come to its end by then fails, and the socket closes.
  void expires_after(std::chrono::nanoseconds time);
  void expires_never();
  void handshake(Done done);
  void shutdown(Done done);

  /// Asio's AsyncReadStream and AsyncWriteStream; at most one read and one write at a time.
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, boost::asio::mutable_buffer into) {
          read_some(into, erased<Moved>(std::move(handler)));
        },
        token, first_of<boost::asio::mutable_buffer>(buffers));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, boost::asio::const_buffer from) {
          write_some(from, erased<Moved>(std::move(handler)));
        },
        token, gathered(buffers));
  }

 private:
  struct Stream;
  /// One TLS record holds no more.
  static constexpr std::size_t max_gathered = 16384;

  /// std::function copies what it holds, and a handler is only to be moved.
  template <class Function, class Handler>
  static Function erased(Handler&& handler) {
    return [shared = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler))](
               auto&&... values) { (*shared)(std::forward<decltype(values)>(values)...); };
  }
  template <class Buffer, class Buffers>
  static Buffer first_of(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
      const Buffer buffer{*at};
      if (buffer.size() > 0) return buffer;
    }
    return {};
  }
  /// Several buffers become one, so that a frame's head and its text are one record.
  template <class Buffers>
  boost::asio::const_buffer gathered(const Buffers& buffers) {
    const auto first = first_of<boost::asio::const_buffer>(buffers);
    if (first.size() >= max_gathered || first.size() == boost::asio::buffer_size(buffers)) {
      return first;
    }
    gathered_.clear();
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
      const boost::asio::const_buffer buffer{*at};
      const auto* bytes = static_cast<const char*>(buffer.data());
      const auto size = std::min(buffer.size(), max_gathered - gathered_.size());
      gathered_.insert(gathered_.end(), bytes, bytes + size);
    }
    return {gathered_.data(), gathered_.size()};
  }

  void read_some(boost::asio::mutable_buffer into, Moved moved);
  void write_some(boost::asio::const_buffer from, Moved moved);

  std::unique_ptr<Stream> stream_;
  std::vector<char> gathered_;
};

/// How Beast ends a WebSocket's line, and cuts it.
template <class Token>
void async_teardown(boost::beast::role_type, TlsLine& line, Token&& done) {
  line.shutdown([shared = std::make_shared<std::decay_t<Token>>(std::forward<Token>(done))](
                    boost::system::error_code failed) { (*shared)(failed); });
}
void teardown(boost::beast::role_type role, TlsLine& line, boost::system::error_code& failed);
void beast_close_socket(TlsLine& line);

}  // namespace halcyon::simulation
