// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/session.h"

#include <fmt/format.h>

#include <type_traits>

#include "engine/proxy/addresses.h"
#include "engine/proxy/worker.h"
#include "tls/client_hello.h"

namespace engine::proxy {
namespace {

constexpr char kTlsHandshake = 0x16;
constexpr std::string_view kHttp2 = "h2";
constexpr std::string_view kProtocols = "h2,http/1.1";
// RFC 9113 section 3.4.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace

Session::Session(Worker& worker, int socket, std::uint16_t local_port, std::uint64_t number)
    : worker_(worker),
      connection_(worker, *this),
      opened_at_(worker.now()),
      idle_since_(opened_at_),
      number_(number) {
  connection_.open(socket);
  client_.local_port = local_port;
  describe_client(worker, socket, client_);
  awaits_proxy_header_ =
      client_.trusted && worker.snapshot().proxy_protocol != route::ProxyProtocol::Off;
  set_deadline(opened_at_ + worker_.limits().head_timeout);
  connection_.want_bytes();
}

std::size_t Session::on_bytes(std::string_view bytes) {
  switch (state_) {
    case State::Greeting: return greet(bytes);
    case State::Naming: return 0;
    case State::Shaking: return speak(bytes);
    case State::Speaking: return protocol_->on_bytes(bytes);
    case State::Linger: return throw_away(bytes);
    case State::Closing: break;
  }
  return bytes.size();
}

std::size_t Session::greet(std::string_view bytes) {
  if (awaits_proxy_header_) return greet_proxy(bytes);
  if (bytes.front() == kTlsHandshake) return greet_tls(bytes);
  if (bytes.size() < kPreface.size() && kPreface.starts_with(bytes)) {
    connection_.want_bytes();
    return 0;
  }
  return speak(bytes);
}

// Over TLS, ALPN has told (RFC 9113 section 3.2).
std::size_t Session::speak(std::string_view bytes) {
  const tls::Session* const tls = client_.tls = connection_.tls();
  if (tls != nullptr) client_.tls_minor = tls->version() == "1.3" ? 3 : 2;
  const bool http2 = tls != nullptr ? tls->protocol() == kHttp2 : bytes.starts_with(kPreface);
  if (http2) {
    start<H2Session>();
  } else {
    start<H1Session>();
  }
  return protocol_->on_bytes(bytes);
}

template <class Spoken>
Spoken& Session::start() {
  Spoken* made = nullptr;
  if constexpr (std::is_same_v<Spoken, H1Session>) {
    made = &spoken_.emplace<H1Session>(worker_, *this);
  } else {
    made = spoken_.emplace<std::unique_ptr<H2Session>>(std::make_unique<H2Session>(worker_, *this))
               .get();
  }
  state_ = State::Speaking;
  protocol_ = made;
  return *made;
}

std::size_t Session::greet_proxy(std::string_view bytes) {
  const http::ProxyHeaderResult result = http::parse_proxy_header(bytes);
  switch (result.status) {
    case http::ProxyHeaderStatus::Complete: break;
    case http::ProxyHeaderStatus::Incomplete: connection_.want_bytes(); return 0;
    case http::ProxyHeaderStatus::None:
      if (worker_.snapshot().proxy_protocol == route::ProxyProtocol::Required) {
        refuse(base::Cause::BadRequest, "no PROXY header from a proxy that must send one");
        return bytes.size();
      }
      awaits_proxy_header_ = false;
      return greet(bytes);
    case http::ProxyHeaderStatus::Bad:
      refuse(base::Cause::BadRequest, result.why);
      return bytes.size();
  }
  awaits_proxy_header_ = false;
  if (result.header.has_addresses) describe_client(worker_, result.header, client_);
  connection_.want_bytes();
  return result.header.bytes;
}

// The hello is only looked at until the certificate is there: it stays with the connection.
std::size_t Session::greet_tls(std::string_view bytes) {
  const tls::ClientHello hello = tls::peek_client_hello(bytes, worker_.hello_storage());
  if (hello.status == tls::HelloStatus::Incomplete) {
    connection_.want_bytes();
    return 0;
  }
  if (hello.status == tls::HelloStatus::Bad) {
    refuse(base::Cause::TlsFailed, hello.why, tls::kAlertDecodeError);
    return bytes.size();
  }
  if (passes_through(hello.server_name)) {
    start<H1Session>().pass_through(hello.server_name);
    return 0;
  }
  const route::Certificates& certificates = *worker_.snapshot().certificates;
  // Who asks for no name connects to an address.
  const std::string name = hello.server_name.empty() ? local_address(worker_, connection_.socket())
                                                     : std::string(hello.server_name);
  auto context = certificates.find(name);
  if (context == nullptr && certificates.issues(name)) {
    state_ = State::Naming;
    worker_.ask_for_certificate(name, *this);
    return 0;
  }
  if (context == nullptr) context = certificates.fallback(name);
  if (context == nullptr) {
    refuse(base::Cause::TlsFailed, "no certificate for \"" + name + "\"",
           tls::kAlertUnrecognizedName);
    return bytes.size();
  }
  state_ = State::Shaking;
  connection_.start_tls(std::move(context), worker_.snapshot().ticket_keys, kProtocols, name,
                        bytes);
  connection_.want_bytes();
  return bytes.size();
}

bool Session::passes_through(std::string_view name) const {
  if (name.empty()) return false;
  const route::Snapshot& snapshot = worker_.snapshot();
  const route::Match match = snapshot.table->match(name, "/");
  return match.found == route::Found::Yes &&
         snapshot.services[match.service_index]->answer == route::Answer::Pass;
}

void Session::look_again() {
  state_ = State::Greeting;
  connection_.want_bytes();
}

void Session::refuse(base::Cause cause, std::string_view why, std::string_view alert) {
  worker_.log_refusal(client_, 0, cause, why);
  connection_.out().append(alert);
  connection_.written();
  close();
}

// Closing with unread input in the socket would make the kernel send RST, which may erase an answer
// that the client has not read.
void Session::linger(base::Time patience) {
  if (connection_.ended()) return close();
  state_ = State::Linger;
  set_deadline(worker_.now() + patience);
  connection_.finish_writing();
  connection_.want_bytes();
}

std::size_t Session::throw_away(std::string_view bytes) {
  linger_bytes_ += bytes.size();
  if (linger_bytes_ > route::kLingerBytesMax) {
    close();
  } else {
    connection_.want_bytes();
  }
  return bytes.size();
}

void Session::begin_closing(base::Time deadline) {
  state_ = State::Closing;
  waiting_hook.unlink();
  set_deadline(deadline);
}

// What was written may still be on its way to a client that reads slowly, or never.
void Session::close() {
  begin_closing(worker_.now() + worker_.limits().body_timeout);
  connection_.close();
}

void Session::reset() {
  begin_closing(base::kNever);
  connection_.reset();
}

void Session::drain() {
  if (state_ == State::Speaking) return protocol_->drain();
  if (state_ >= State::Linger) return;
  // Its first request may be on the way; a browser's spare connection never sends one.
  set_deadline(worker_.now() + route::kDrainPatience);
}

void Session::end_now(base::Cause cause) {
  state_ == State::Speaking ? protocol_->end_now(cause) : reset();
}

void Session::note_idle() { idle_since_ = worker_.now(); }

route::ConnectionView Session::describe() {
  using View = route::ConnectionView;
  View view{.number = number_, .port = client_.local_port};
  const std::string_view address = client_.address();
  view.client = address.contains(':') ? fmt::format("[{}]:{}", address, client_.port)
                                      : fmt::format("{}:{}", address, client_.port);
  view.age = worker_.now() - opened_at_;
  view.idle = worker_.now() - idle_since_;
  if (const tls::Session* tls = connection_.tls(); tls != nullptr && tls->established()) {
    view.tls = tls->version();
    view.alpn = tls->protocol();
    view.server_name = tls->server_name();
  }
  if (state_ == State::Speaking) protocol_->describe(view);
  if (state_ >= State::Linger) view.state = View::State::Closing;
  return view;
}

void Session::on_readable() {
  if (state_ == State::Speaking) protocol_->on_readable();
}

void Session::on_end(int error) {
  if (state_ == State::Speaking) return protocol_->on_end(error);
  if (state_ == State::Closing) return;
  const tls::Session* const tls = connection_.tls();
  if (state_ != State::Linger && tls != nullptr && !tls->failure().empty())
    worker_.log_refusal(client_, 0, base::Cause::TlsFailed, tls->failure());
  close();
}

void Session::on_send_failed(int error) {
  state_ == State::Speaking ? protocol_->on_send_failed(error) : close();
}

void Session::on_drained() {
  if (state_ == State::Speaking) protocol_->on_drained();
}

void Session::on_tick_end() {
  if (state_ == State::Speaking) protocol_->on_tick_end();
}

void Session::on_connected(int) {}

void Session::on_secured() {
  const tls::Session& tls = *connection_.tls();
  route::Counters& counters = worker_.counters();
  ++counters.tls_handshakes[tls.version() == "1.3" ? 1 : 0][tls.resumed() ? 1 : 0];
  counters.tls_handshake_time.record(worker_.now() - opened_at_);
}

void Session::on_closed() { worker_.retire(*this); }

void Session::set_deadline(base::Time deadline) { worker_.timers().set(timer_, deadline); }

void Session::on_deadline() {
  if (state_ == State::Speaking) return protocol_->on_deadline();
  // Silence of a client that asked for nothing needs no answer.
  state_ == State::Closing ? connection_.reset() : close();
}

}  // namespace engine::proxy
