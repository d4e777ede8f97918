// SPDX-License-Identifier: GPL-3.0-or-later
// What a worker writes down: counters, access-log lines, request ids, dates.
#include <algorithm>
#include <ctime>

#include "engine/http/target.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void write_hex(std::uint64_t value, char* out) {
  for (int i = 15; i >= 0; --i, value >>= 4U) out[i] = kHexDigits[value & 15U];
}

void count_response(route::Counters& counters, unsigned status) {
  if (status >= 500) {
    ++counters.responses_5xx;
  } else if (status >= 400) {
    ++counters.responses_4xx;
  } else if (status >= 300) {
    ++counters.responses_3xx;
  } else if (status >= 200) {
    ++counters.responses_2xx;
  }
}

route::Protocol protocol_of(const StreamRecord& record) {
  if (record.major_version == 2) return route::Protocol::Http2;
  return record.minor_version == 0 ? route::Protocol::Http10 : route::Protocol::Http11;
}

bool is_uncounted(std::string_view path, const route::Service& service) {
  const std::vector<std::string>& paths = service.uncounted_paths;
  if (paths.empty()) return false;
  return std::ranges::find(paths, http::strip_prefix(path, service.strip_prefix)) != paths.end();
}

}  // namespace

// xorshift64: for spreading load and telling requests apart, not for secrets.
std::uint64_t Worker::random() {
  random_state_ ^= random_state_ << 13U;
  random_state_ ^= random_state_ >> 7U;
  random_state_ ^= random_state_ << 17U;
  return random_state_;
}

void Worker::next_request_id(std::array<char, 33>& id) {
  write_hex(request_id_prefix_, id.data());
  write_hex(++request_count_, id.data() + 16);
  id[32] = '\0';
}

std::string_view Worker::date() {
  constexpr std::size_t kLength = 29;
  const base::Time second = base::wall_now() / base::kSecond;
  if (second != date_second_) {
    date_second_ = second;
    const auto seconds = static_cast<std::time_t>(second);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::strftime(date_text_.data(), date_text_.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {date_text_.data(), kLength};
}

bool Worker::worth_logging(const Stream& stream) {
  const AccessLogOptions& access = options_.access;
  const StreamRecord& record = stream.record();
  if (access_log_ == nullptr) return false;
  const auto skipped = [&](const std::string& prefix) { return record.path.starts_with(prefix); };
  if (std::ranges::any_of(access.skip, skipped)) return false;
  if (record.cause != base::Cause::None || record.status >= 500) return true;
  if (access.slow > 0 && now_ - record.started < access.slow) return false;
  constexpr double kRange = 18446744073709551616.0;  // 2^64
  return access.sample >= 1 || static_cast<double>(random()) < access.sample * kRange;
}

void Worker::count(const Stream& stream) {
  const StreamRecord& record = stream.record();
  count_response(counters_, record.status);
  if (record.cause != base::Cause::None) ++counters_.failed_streams;
  counters_.bytes_from_clients += stream.bytes_in();
  counters_.bytes_to_clients += stream.bytes_out();

  const ServiceState* const service = stream.service();
  if (service != nullptr && is_uncounted(record.path, *service->service)) return;
  route::SiteCounters& site = service == nullptr ? unrouted_ : service->metrics;
  site.request_bytes += stream.bytes_in();
  site.response_bytes += stream.bytes_out();
  if (record.cause != base::Cause::None) ++site.errors[static_cast<std::size_t>(record.cause)];
  if (record.tries > 1) site.retries += record.tries - 1U;
  if (stream.is_passage()) return;
  site.count_request(stream.method(), protocol_of(record), record.status);
  if (!stream.is_tunnel()) site.duration.record(now_ - record.started);
  if (record.first_byte > 0) site.first_byte.record(record.first_byte - record.started);
  if (record.last_byte > 0) site.upstream_duration.record(record.last_byte - record.sent);
}

void Worker::count_and_log(const Stream& stream) {
  const StreamRecord& record = stream.record();
  count(stream);
  const bool logged = worth_logging(stream);
  if (!logged && taps_.empty()) return;
  LogLine line{.record = &record, .client = &stream.client_info()};
  line.target = stream.target() != nullptr ? std::string_view(stream.target()->key) : record.target;
  line.status = record.status;
  line.error = base::describe(record.cause).name;
  line.details = record.details;
  line.bytes_in = stream.bytes_in();
  line.bytes_out = stream.bytes_out();
  complete(line);
  if (logged) push_log_line(line);
  if (!taps_.empty()) push_to_taps(line);
}

void Worker::log_refusal(const ClientInfo& client, std::uint16_t status, base::Cause cause,
                         std::string_view why) {
  count_response(counters_, status);
  ++counters_.failed_streams;
  ++counters_.refusals[static_cast<std::size_t>(cause)];
  if (!logs_access()) return;
  LogLine line{.client = &client};
  line.details = why;
  line.status = status;
  line.error = base::describe(cause).name;
  complete(line);
  if (access_log_ != nullptr) push_log_line(line);
  if (!taps_.empty()) push_to_taps(line);
}

void Worker::complete(LogLine& line) const {
  line.wall = base::wall_now();
  line.now = now_;
  line.worker = options_.index;
  line.generation = snapshot_->generation;
  line.redacted = snapshot_->redacted;
}

// Also those that the log leaves out.
void Worker::push_to_taps(const LogLine& line) {
  static const StreamRecord kNone;
  const StreamRecord& record = line.record != nullptr ? *line.record : kNone;
  log_line_.clear();
  for (const auto& tap : taps_) {
    if (!tap->filter().wants(record.site, record.method, record.path, line.status)) continue;
    if (log_line_.empty()) format_access_line(LogFormat::Json, line, log_line_);
    tap->push(options_.index, log_line_);
  }
}

void Worker::push_log_line(const LogLine& line) {
  log_line_.clear();
  format_access_line(options_.access.format, line, log_line_);
  access_log_->push(log_line_);
}

}  // namespace engine::proxy
