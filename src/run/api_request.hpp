// One GET through `kubectl proxy` (run/api_proxy.hpp), with the result that `kubectl get --raw` has. Internal to live.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "run/command.hpp"
#include "run/sink.hpp"
#include "util/json.hpp"

namespace meshdx::run {

namespace asio = boost::asio;
namespace http = boost::beast::http;

/// A body that goes into a Sink as it comes (Beast's concept of a Body).
struct SinkBody {
  using value_type = Sink*;

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>& /*header*/, value_type& sink) : m_sink(sink) {}
    void init(const boost::optional<std::uint64_t>& /*length*/, boost::system::error_code& failed) { failed = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& failed) {
      failed = {};
      std::size_t size = 0;
      for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
        const asio::const_buffer part = *at;
        m_sink->add({static_cast<const char*>(part.data()), part.size()});
        size += part.size();
      }
      return size;
    }
    void finish(boost::system::error_code& failed) { failed = {}; }

   private:
    value_type& m_sink;
  };
};

/// What kubectl prints for an error that the API server words (a Status object), or for a path it does not have (cli-runtime's
/// and client-go's errors: "Error from server (Reason): message"). "" for every other answer: whoever sent it is not known.
inline std::string error_from_server(unsigned code, const std::string& body) {
  const auto status = parse_json(body);
  if (!status || text_at(*status, "kind") != "Status") {
    return code == 404 ? g_no_such_path : "";
  }
  const auto reason = text_at(*status, "reason");
  const auto message = text_at(*status, "message");
  const bool clear = code == 400 || code == 403 || code == 404;
  return clear && !reason.empty() && !message.empty() ? "Error from server (" + reason + "): " + message + "\n" : "";
}

/// A request from its start to its end.
class ApiRequest : public std::enable_shared_from_this<ApiRequest> {
 public:
  ApiRequest(asio::io_context& io, CommandResult& result, std::size_t max_stdout)
      : m_result(result), m_sink(sink_for(result.argv, m_body, max_stdout)), m_socket(io), m_timer(io) {}

  /// Sends it. `on_end` is called once, from the io thread: with false when the answer is none to rely on, and the result
  /// as it was; otherwise the result is filled in. `on_timeout` after `timeout`, unless it has ended. The result is not
  /// touched after on_end.
  void send(const std::string& socket, std::chrono::milliseconds timeout, std::function<void(bool)> on_end, std::function<void()> on_timeout) {
    m_on_end = std::move(on_end);
    m_request.method(http::verb::get);
    m_request.target(m_result.argv.back());
    m_request.set(http::field::host, "localhost");   // what `kubectl proxy` accepts
    m_request.set(http::field::accept, "application/json, */*");
    m_request.set(http::field::user_agent, "meshdx");
    m_request.keep_alive(false);
    m_parser.body_limit(boost::none);   // the sink's bound counts
    m_parser.get().body() = &m_sink;
    m_timer.expires_after(timeout);
    m_timer.async_wait([self = shared_from_this(), on_timeout = std::move(on_timeout)](boost::system::error_code failed) {
      if (!failed && self->m_on_end) on_timeout();
    });
    m_socket.async_connect(socket, [self = shared_from_this()](boost::system::error_code failed) {
      failed ? self->end(false) : self->write();
    });
  }

  /// Ends it for this reason; what it has got is kept.
  void stop(End reason, std::string why) {
    if (!m_on_end) return;
    m_result.end = reason;
    m_result.why = std::move(why);
    take_body();
    end(true);
  }

 private:
  void write() {
    http::async_write(m_socket, m_request, [self = shared_from_this()](boost::system::error_code failed, std::size_t) {
      failed ? self->end(false) : self->read();
    });
  }

  void read() {
    http::async_read(m_socket, m_buffer, m_parser, [self = shared_from_this()](boost::system::error_code failed, std::size_t) {
      self->end(!failed && self->fill_in());
    });
  }

  /// False when it takes a kubectl to tell what is wrong.
  bool fill_in() {
    if (!m_on_end) return false;
    const auto code = m_parser.get().result_int();
    if (code == 200) {
      take_body();
      return true;
    }
    auto error = error_from_server(code, m_body);
    if (error.empty()) return false;
    m_result.err = std::move(error);
    m_result.exit_code = 1;
    return true;
  }

  void take_body() {
    m_sink.end();
    m_result.truncated = m_sink.over();
    m_result.out = std::move(m_body);
  }

  void end(bool answered) {
    if (!m_on_end) return;
    boost::system::error_code ignored;
    m_socket.close(ignored);
    m_timer.cancel();
    std::exchange(m_on_end, nullptr)(answered);
  }

  CommandResult& m_result;
  std::string m_body;   ///< of its own: a read under way may still add to it after the end
  Sink m_sink;
  asio::local::stream_protocol::socket m_socket;
  asio::steady_timer m_timer;
  http::request<http::empty_body> m_request;
  http::response_parser<SinkBody> m_parser;
  boost::beast::flat_buffer m_buffer;
  std::function<void(bool)> m_on_end;
};

}  // namespace meshdx::run
