// SPDX-License-Identifier: GPL-3.0-or-later
// What a stream notes down of its request, its site and its response: for the access log, and for
// what the target is told about the client.
#include "engine/http/media_type.h"
#include "engine/http/rules.h"
#include "engine/http/websocket.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// Of a value that is logged; a line of the log must stay readable.
constexpr std::size_t kLoggedBytesMax = 256;

// A field that came several times is shown as one list (RFC 9110 section 5.3).
LoggedValues::List logged(std::span<const http::Field> fields,
                          const std::vector<std::string>& names) {
  LoggedValues::List list;
  for (const std::string& name : names) {
    std::string* value = nullptr;
    for (const http::Field& field : fields) {
      if (!http::equals_ignoring_case(field.name, name)) continue;
      if (value == nullptr) {
        value = &list.emplace_back(name, std::string()).second;
      } else {
        *value += ", ";
      }
      *value += field.value.substr(0, kLoggedBytesMax);
    }
    if (value != nullptr && value->size() > kLoggedBytesMax) value->resize(kLoggedBytesMax);
  }
  return list;
}

}  // namespace

void Stream::note_request(const http::RequestHead& head) {
  ++worker_.counters().requests;
  progress_ = record_.started = worker_.now();
  record_.method = head.method_text;
  record_.host = head.authority;
  record_.path = head.path;
  record_.query = head.query;
  record_.major_version = head.major_version;
  record_.minor_version = head.minor_version;
  if (worker_.logs_access()) {
    record_.user_agent = http::find_field(head.fields, http::FieldName::UserAgent);
    record_.referer = http::find_field(head.fields, "referer");
  }
  note_request_id(head, client_.info().trusted);
  method_ = head.method;
  client_keep_alive_ = head.keep_alive;
  upgrade_asked_ = !head.upgrade.empty();
  if (head.extended_connect)
    websocket_key_ = http::websocket_key({worker_.random(), worker_.random()});
  request_has_body_ = head.framing != http::Framing::None;
  request_replayable_ = !request_has_body_ && http::is_idempotent(head.method);
}

// The same that write_request() sends on, so that the log and the target's log can be put together.
void Stream::note_request_id(const http::RequestHead& head, bool trusted) {
  if (trusted) {
    record_.request_id = http::find_field(head.fields, http::FieldName::XRequestId);
    if (http::sane_request_id(record_.request_id)) return;
  }
  worker_.next_request_id(record_.new_request_id);
  record_.request_id = {record_.new_request_id.data(), record_.new_request_id.size() - 1};
}

// What the site believes of its client, and shows in its log.
void Stream::note_site(const http::RequestHead& head) {
  const route::Service& service = *service_->service;
  if (!service.client_ip_header.empty()) {
    const std::string_view told = http::find_field(head.fields, service.client_ip_header);
    record_.client = named_client(told).value_or(NamedClient());
  }
  if (service.forward_headers && !client_.info().trusted) note_request_id(head, true);
  record_.cors = http::grant_of(service.cors, head.fields);
  const route::LoggedFields& shown = service.logged_fields;
  if ((shown.request.empty() && shown.response.empty()) || !worker_.logs_access()) return;
  record_.logged = std::make_unique<LoggedValues>();
  record_.logged->request = logged(head.fields, shown.request);
}

void Stream::note_response(const http::ResponseHead& response) {
  if (record_.logged == nullptr) return;
  record_.logged->response = logged(response.fields, service_->service->logged_fields.response);
}

// The request's head is on its way to the target, perhaps not for the first time.
void Stream::note_sent(const http::RequestHead& head) {
  record_.sent = worker_.now();
  worker_.note_request_written();
  const bool grpc = record_.major_version == 2 &&
                    http::is_grpc(http::find_field(head.fields, http::FieldName::ContentType));
  if (grpc) note_open(route::OpenStream::Grpc);
}

// The response has come from the target, all of it; what follows is between us and the client.
void Stream::note_last_byte() {
  if (record_.last_byte == 0) record_.last_byte = worker_.now();
}

// What it is at first it stays.
void Stream::note_open(route::OpenStream kind) {
  if (open_ != nullptr) return;
  open_ = &service_->metrics.open(kind);
  ++*open_;
}

std::string_view Stream::client_address() const {
  return record_.client.address.empty() ? client_.info().address() : record_.client.address;
}

// Whether what the client says about others is believed.
bool Stream::is_trusted() const {
  return client_.info().trusted || service_->service->forward_headers;
}

}  // namespace engine::proxy
