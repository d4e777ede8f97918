// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/certs.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <expected>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/cli/config_file.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/say.h"
#include "tls/authority.h"
#include "tls/certificate.h"
#include "tls/pem.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLocalCa = "local CA";
constexpr std::size_t kNamesShown = 3;

struct Entry {
  std::string file;
  std::string source;
  std::string error;  // empty when it can be served; else there is nothing in `info`
  tls::CertificateInfo info;
};

using Row = std::array<std::string, 4>;

std::int64_t seconds_now() { return base::wall_now() / base::kSecond; }

using Info = std::expected<tls::CertificateInfo, std::string>;
using Inspect = Info (*)(const tls::Pair&, std::int64_t now);

// The engine asks the same of its own authority, which has no names but its subject.
Info inspect_authority(const tls::Pair& pair, std::int64_t now) {
  const auto authority = tls::Authority::from(pair, now);
  if (!authority) return std::unexpected(authority.error());
  tls::CertificateInfo info = authority->info();
  info.names = {info.subject};
  return info;
}

Entry entry_of(const std::string& cert, const std::string& key, std::string source,
               Inspect inspect = tls::inspect) {
  Entry entry{.file = cert, .source = std::move(source)};
  const auto pair = tls::read_pair(cert, key);
  if (!pair) {
    entry.error = pair.error();  // names the file
    return entry;
  }
  Info info = inspect(*pair, seconds_now());
  if (!info) {
    entry.error = cert + ": " + info.error();
    return entry;
  }
  entry.info = std::move(*info);
  return entry;
}

// leaves/NAME.pem and leaves/NAME-key.pem (tls/store.h)
void add_leaves(const std::string& folder, std::vector<Entry>& entries) {
  std::vector<std::string> stems;
  std::error_code failed;
  for (fs::directory_iterator file(folder, failed), end; !failed && file != end;
       file.increment(failed)) {
    const std::string path = file->path().string();
    if (path.ends_with("-key.pem") || !path.ends_with(".pem")) continue;
    stems.push_back(path.substr(0, path.size() - std::string_view(".pem").size()));
  }
  std::ranges::sort(stems);
  for (const std::string& stem : stems) {
    entries.push_back(entry_of(stem + ".pem", stem + "-key.pem", std::string(kLocalCa)));
  }
}

void add_local_ca(const std::string& folder, std::vector<Entry>& entries) {
  const std::string file = folder + "/ca.pem";
  std::error_code failed;
  // Not there yet is fine; what cannot be seen is listed with its error.
  if (!fs::exists(file, failed) && !failed) return;
  entries.push_back(
      entry_of(file, folder + "/ca-key.pem", std::string(kLocalCa), inspect_authority));
  add_leaves(folder + "/leaves", entries);
}

std::string names_text(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), kNamesShown);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::int64_t days_left(const tls::CertificateInfo& info) {
  const std::int64_t seconds = info.not_after - seconds_now();
  return seconds < 0 ? (seconds + 1) / tls::kDaySeconds - 1 : seconds / tls::kDaySeconds;
}

std::string expires_text(const tls::CertificateInfo& info) {
  const std::int64_t days = days_left(info);
  const std::string left =
      days < 0 ? "expired" : fmt::format("{} day{}", days, days == 1 ? "" : "s");
  return fmt::format("{:%Y-%m-%d} ({})", fmt::gmtime(static_cast<std::time_t>(info.not_after)),
                     left);
}

Row row_of(const Entry& entry) {
  if (!entry.error.empty()) return {"-", "-", "-", entry.error};
  return {names_text(entry.info.names), entry.info.issuer, expires_text(entry.info), entry.source};
}

void print_table(const std::vector<Entry>& entries) {
  std::vector<Row> rows = {{"NAMES", "ISSUER", "EXPIRES", "SOURCE"}};
  std::ranges::transform(entries, std::back_inserter(rows), row_of);
  std::array<std::size_t, 3> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    const std::string line = fmt::format("{:{}}  {:{}}  {:{}}  {}\n", row[0], widths[0], row[1],
                                         widths[1], row[2], widths[2], row[3]);
    std::fwrite(line.data(), 1, line.size(), stdout);
  }
}

nlohmann::ordered_json json_of(const Entry& entry) {
  nlohmann::ordered_json json = {{"names", entry.info.names}, {"issuer", entry.info.issuer}};
  if (entry.error.empty()) {
    json["expires"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                                  fmt::gmtime(static_cast<std::time_t>(entry.info.not_after)));
    json["days_left"] = days_left(entry.info);
  }
  json["source"] = entry.source;
  json["file"] = entry.file;
  if (!entry.error.empty()) json["error"] = entry.error;
  return json;
}

void print_json(const std::vector<Entry>& entries) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Entry& entry : entries) all.push_back(json_of(entry));
  // A path may hold octets that are no UTF-8; they are shown as U+FFFD.
  const std::string text = all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

int run_certs(const RunOptions& options, const std::string& state, Output output) {
  const config::Result result = read_config(options);
  if (!result.ok()) {
    say_problems(options, result);
    return exit_code_of(result);
  }
  const config::Tls& tls = result.config.tls;
  std::vector<Entry> entries;
  for (const config::Tls::Files& files : result.config.certificate_files()) {
    entries.push_back(entry_of(files.cert, files.key, files.cert));
  }
  if (tls.local_ca) add_local_ca(state + "/tls", entries);

  if (output == Output::Json) {
    print_json(entries);
  } else if (entries.empty()) {
    say(tls.local_ca ? "no certificates yet: the local CA is made when a client first asks for a "
                       "local name"
                     : "no certificates");
  } else {
    print_table(entries);
  }
  const bool broken = std::ranges::any_of(entries, [](const Entry& e) { return !e.error.empty(); });
  return broken ? kExitFailed : kExitOk;
}

}  // namespace engine::cli
