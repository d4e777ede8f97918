// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/session.h"

#include <arpa/inet.h>

// wolfSSL's own options come first.
#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfio.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "tls/certificate.h"

namespace tls {
namespace {

// wolfSSL does not tell the callback for verified certificates of which session they are.
thread_local Session* shaking = nullptr;

std::int64_t seconds_now() { return engine::base::wall_now() / engine::base::kSecond; }

// RFC 8446 section 6.
std::string_view alert_name(int code) {
  switch (code) {
    case 0: return "close_notify";
    case 10: return "unexpected_message";
    case 20: return "bad_record_mac";
    case 40: return "handshake_failure";
    case 42: return "bad_certificate";
    case 43: return "unsupported_certificate";
    case 44: return "certificate_revoked";
    case 45: return "certificate_expired";
    case 46: return "certificate_unknown";
    case 47: return "illegal_parameter";
    case 48: return "unknown_ca";
    case 49: return "access_denied";
    case 50: return "decode_error";
    case 51: return "decrypt_error";
    case 70: return "protocol_version";
    case 71: return "insufficient_security";
    case 80: return "internal_error";
    case 90: return "user_canceled";
    case 109: return "missing_extension";
    case 112: return "unrecognized_name";
    case 116: return "certificate_required";
    case 120: return "no_application_protocol";
    default: return "one without a name";
  }
}

bool is_ip(const std::string& name) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

// What is wrong with the peer's certificate; empty when that is not it.
std::string_view certificate_problem(int error) {
  switch (error) {
    case NO_PEER_CERT: return "there is no certificate";
    case DOMAIN_NAME_MISMATCH:
    case IPADDR_MISMATCH: return "the certificate is not for this name";
    case ASN_NO_SIGNER_E: return "the certificate is of an unknown authority";
    case ASN_SELF_SIGNED_E: return "the certificate is signed by itself";
    case ASN_AFTER_DATE_E: return "the certificate has expired";
    case ASN_BEFORE_DATE_E: return "the certificate is not valid yet";
    case EXTKEYUSE_AUTH_E: return "the certificate is not for this use (extended key usage)";
    default: return {};
  }
}

std::string describe(WOLFSSL* handle, int error) {
  WOLFSSL_ALERT_HISTORY alerts{};
  wolfSSL_get_alert_history(handle, &alerts);
  if (alerts.last_rx.code > 0 && alerts.last_rx.level == alert_fatal)
    return "the peer sent the alert " + std::string(alert_name(alerts.last_rx.code));
  switch (error) {
    case VERSION_ERROR: return "no TLS version in common; 1.2 and 1.3 are spoken here";
    case MATCH_SUITE_ERROR: return "no cipher suite in common";
    case UNKNOWN_ALPN_PROTOCOL_NAME_E: return "no application protocol in common";
    default: break;
  }
  if (const std::string_view problem = certificate_problem(error); !problem.empty())
    return std::string(problem);
  std::array<char, WOLFSSL_MAX_ERROR_SZ> text{};
  wolfSSL_ERR_error_string_n(static_cast<unsigned long>(error), text.data(), text.size());
  return text.data();
}

}  // namespace

struct Session::Callbacks {
  static int receive(WOLFSSL*, char* into, int size, void* context) {
    auto& self = *static_cast<Session*>(context);
    const std::size_t count = std::min(static_cast<std::size_t>(size), self.input_.size());
    if (count == 0) return WOLFSSL_CBIO_ERR_WANT_READ;
    std::memcpy(into, self.input_.data(), count);
    self.input_.remove_prefix(count);
    return static_cast<int>(count);
  }

  static int send(WOLFSSL*, char* from, int size, void* context) {
    auto& self = *static_cast<Session*>(context);
    self.out_.append({from, static_cast<std::size_t>(size)});
    return size;
  }

  static int ticket(WOLFSSL* handle, unsigned char* name, unsigned char* iv, unsigned char* mac,
                    int sealing, unsigned char* ticket, int size, int* out_size, void*) {
    const auto& self = *static_cast<const Session*>(wolfSSL_GetIOReadCtx(handle));
    if (self.tickets_ == nullptr) return WOLFSSL_TICKET_RET_REJECT;
    const std::span<unsigned char, TicketKeys::kNameBytes> name_field(name, TicketKeys::kNameBytes);
    const std::span<unsigned char, TicketKeys::kIvBytes> iv_field(iv, TicketKeys::kIvBytes);
    const std::span<unsigned char, TicketKeys::kMacBytes> mac_field(mac, TicketKeys::kMacBytes);
    const std::span<unsigned char> body(ticket, static_cast<std::size_t>(size));
    *out_size = size;
    const Digest& bound_to = self.context_->id();
    if (sealing != 0) {
      return self.tickets_->seal(bound_to, name_field, iv_field, mac_field, body)
                 ? WOLFSSL_TICKET_RET_OK
                 : WOLFSSL_TICKET_RET_REJECT;
    }
    switch (self.tickets_->open(bound_to, name_field, iv_field, mac_field, body)) {
      case TicketKeys::Opened::Yes: return WOLFSSL_TICKET_RET_OK;
      case TicketKeys::Opened::ByPrevious: return WOLFSSL_TICKET_RET_CREATE;
      case TicketKeys::Opened::No: break;
    }
    return WOLFSSL_TICKET_RET_REJECT;
  }

  // The first of the chain is the peer's own. Says again what wolfSSL has found.
  static int verified(int good, WOLFSSL_X509_STORE_CTX* store) {
    if (good == 0 || store->error_depth != 0 || store->totalCerts == 0 || shaking == nullptr)
      return good;
    const WOLFSSL_BUFFER_INFO& der = store->certs[0];
    shaking->peer_name_ = holder_of({reinterpret_cast<const char*>(der.buffer), der.length});
    return good;
  }

  static int got_ticket(WOLFSSL*, const unsigned char*, int, void* context) {
    static_cast<Session*>(context)->can_be_resumed_ = true;
    return 0;
  }
};

void Resumption::Free::operator()(WOLFSSL_SESSION* held) const { wolfSSL_SESSION_free(held); }

void Session::attach(WOLFSSL_CTX* context) {
  wolfSSL_CTX_SetIORecv(context, Callbacks::receive);
  wolfSSL_CTX_SetIOSend(context, Callbacks::send);
  wolfSSL_CTX_set_TicketEncCb(context, Callbacks::ticket);
  wolfSSL_CTX_set_TicketHint(context, static_cast<int>(kTicketKeySeconds));
}

void Session::attach_peer_names(WOLFSSL_CTX* context) {
  wolfSSL_CertManagerSetVerify(wolfSSL_CTX_GetCertManager(context), Callbacks::verified);
}

Session::Session(std::shared_ptr<const Context> context, std::shared_ptr<const TicketKeys> tickets,
                 std::string_view protocols, std::string_view server_name,
                 engine::base::Buffer& out, const Resumption* resume)
    : context_(std::move(context)),
      tickets_(std::move(tickets)),
      out_(out),
      handle_(wolfSSL_new(context_->handle())) {
  ENSURE(handle_ != nullptr, "no memory for a TLS session");
  wolfSSL_SetIOReadCtx(handle_, this);
  wolfSSL_SetIOWriteCtx(handle_, this);
  if (!protocols.empty()) {
    std::string list(protocols);
    wolfSSL_UseALPN(handle_, list.data(), static_cast<unsigned>(list.size()),
                    WOLFSSL_ALPN_FAILED_ON_MISMATCH);
  }
  if (!context_->is_server()) {
    start_client(server_name, resume);
    return;
  }
  server_name_ = server_name;                  // wolfSSL forgets it with the handshake
  if (context_->verifies()) tickets_.reset();  // none is taken: it would not say who the client is
}

Session::~Session() { wolfSSL_free(handle_); }

void Session::start_client(std::string_view server_name, const Resumption* resume) {
  const std::string name(server_name);
  if (!is_ip(name))
    wolfSSL_UseSNI(handle_, WOLFSSL_SNI_HOST_NAME, name.data(),
                   static_cast<unsigned short>(name.size()));
  if (context_->verifies()) wolfSSL_check_domain_name(handle_, name.c_str());
  wolfSSL_UseSessionTicket(handle_);  // TLS 1.2 has to ask for them
  wolfSSL_set_SessionTicket_cb(handle_, Callbacks::got_ticket, this);
  offered_ = resume != nullptr && offer(*resume);
  shake_hands();
}

// A copy: wolfSSL writes into what it is given, also when the server refuses it.
bool Session::offer(const Resumption& resume) {
  if (resume.session == nullptr || seconds_now() - resume.verified_at > kResumeSecondsMax)
    return false;
  const std::unique_ptr<WOLFSSL_SESSION, Resumption::Free> copy(
      wolfSSL_SESSION_dup(resume.session.get()));
  verified_at_ = resume.verified_at;
  return copy != nullptr && wolfSSL_set_session(handle_, copy.get()) == WOLFSSL_SUCCESS;
}

bool Session::shake_hands() {
  shaking = this;
  const int result = context_->is_server() ? wolfSSL_accept(handle_) : wolfSSL_connect(handle_);
  shaking = nullptr;
  if (result != WOLFSSL_SUCCESS) {
    fail(result);
    return false;
  }
  on_open();
  return true;
}

void Session::on_open() {
  state_ = State::Open;
  tickets_.reset();
  if (context_->is_server()) return;
  if (!resumed()) verified_at_ = seconds_now();
  // In TLS 1.2 the session's ID may do instead of a ticket. Behind a session that was refused its
  // ticket is still there, and goes with nothing.
  if (!offered_ && wolfSSL_version(handle_) != TLS1_3_VERSION) can_be_resumed_ = true;
}

Resumption Session::take_resumption() {
  if (!established() || !std::exchange(can_be_resumed_, false)) return {};
  Resumption taken;
  taken.session.reset(wolfSSL_get1_session(handle_));
  taken.verified_at = verified_at_;
  return taken;
}

// Or only needs more bytes than there are.
void Session::fail(int result) {
  const int error = wolfSSL_get_error(handle_, result);
  if (error == WOLFSSL_ERROR_WANT_READ) return;
  if (error == WOLFSSL_ERROR_ZERO_RETURN && state_ == State::Open) {
    state_ = State::Ended;
    return;
  }
  state_ = State::Failed;
  failure_ = describe(handle_, error);
  if (context_->is_server() && context_->verifies() && !certificate_problem(error).empty())
    failure_ = server_name_ + " asks its clients for a certificate: " + failure_;
}

std::size_t Session::read(std::span<char> plaintext) {
  if (state_ == State::Handshake && !shake_hands()) return 0;
  while (state_ == State::Open) {
    const std::size_t before = input_.size();
    const int result = wolfSSL_read(handle_, plaintext.data(), static_cast<int>(plaintext.size()));
    if (result > 0) return static_cast<std::size_t>(result);
    fail(result);
    // What came was no data; more may be behind it.
    if (input_.empty() || input_.size() == before) break;
  }
  return 0;
}

void Session::write(std::string_view plaintext) {
  if (state_ == State::Failed) return;
  ENSURE(established(), "plaintext before the end of the handshake");
  while (!plaintext.empty()) {
    const auto count = static_cast<int>(std::min<std::size_t>(plaintext.size(), INT_MAX));
    const int written = wolfSSL_write(handle_, plaintext.data(), count);
    if (written <= 0) return fail(written);
    plaintext.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Session::close() {
  if (!established() || std::exchange(closed_, true)) return;
  wolfSSL_shutdown(handle_);
}

std::string_view Session::version() const {
  return wolfSSL_version(handle_) == TLS1_3_VERSION ? "1.3" : "1.2";
}

std::string_view Session::protocol() const {
  char* name = nullptr;
  unsigned short size = 0;
  if (wolfSSL_ALPN_GetProtocol(handle_, &name, &size) != WOLFSSL_SUCCESS) return {};
  return {name, size};
}

std::string_view Session::server_name() const { return server_name_; }

bool Session::resumed() const { return wolfSSL_session_reused(handle_) != 0; }

}  // namespace tls
