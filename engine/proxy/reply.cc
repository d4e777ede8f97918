// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/reply.h"

#include <algorithm>
#include <array>
#include <string>

#include "engine/http/places.h"
#include "engine/http/status.h"
#include "engine/http/target.h"
#include "engine/proxy/escape.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

constexpr std::size_t kListedSitesMax = 50;
constexpr std::string_view kMessagePlace = "{message}";
constexpr int kRetrySoon = 1;  // seconds
// Nobody has said for how long a site is closed; this only keeps clients from asking all the time.
constexpr int kRetryStopped = 30;

bool wants_json(std::string_view accept) {
  const std::size_t json = accept.find("json");
  const std::size_t html = accept.find("text/html");
  return json != std::string_view::npos && (html == std::string_view::npos || json < html);
}

bool is_local_name(std::string_view host) {
  host = host.substr(0, host.rfind(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost");
}

// A developer who mistyped a local name sees which names there are. Public names are nobody's
// business.
std::vector<std::string> known_sites(const Reply& reply, Worker& worker) {
  std::vector<std::string> sites;
  if (reply.cause != base::Cause::UnknownHost || !is_local_name(reply.host)) return sites;
  for (const route::Site& site : worker.snapshot().table->sites()) {
    if (!site.host.ends_with("localhost") || sites.size() == kListedSitesMax) continue;
    sites.push_back(site.host + ":" + std::to_string(reply.local_port) +
                    (site.prefix == "/" ? "" : site.prefix));
  }
  std::sort(sites.begin(), sites.end());
  return sites;
}

// What whoever closed the site has to say.
std::string_view message_of(const Reply& reply) {
  if (reply.cause != base::Cause::Stopped || reply.service == nullptr) return {};
  return reply.service->gate.message;
}

std::string explanation(const Reply& reply) {
  if (reply.cause == base::Cause::None) {
    return std::string(reply.details.empty() ? http::reason_phrase(reply.status) : reply.details);
  }
  if (!message_of(reply).empty()) return std::string(message_of(reply));
  std::string text(base::describe(reply.cause).text);
  if (!reply.target.empty()) text += " Target: " + std::string(reply.target) + ".";
  if (!reply.details.empty()) text += " Cause: " + std::string(reply.details) + ".";
  if (reply.cause == base::Cause::UnknownHost && !reply.host.empty())
    text += " Asked for: " + std::string(reply.host) + ".";
  return text;
}

std::string html_page(const Reply& reply, const std::vector<std::string>& sites) {
  const std::string title =
      std::to_string(reply.status) + " " + std::string(http::reason_phrase(reply.status));
  std::string page = "<!doctype html><html lang=en><meta charset=utf-8><title>" + title +
                     "</title><style>body{font:16px system-ui,sans-serif;max-width:40em;margin:4em "
                     "auto;padding:0 1em}"
                     "small{color:#666}</style><h1>" +
                     title + "</h1><p>" + html_escape(explanation(reply)) + "</p>";
  if (!sites.empty()) page += "<p>Known sites:</p><ul>";
  const std::string scheme = reply.secure ? "https://" : "http://";
  for (const std::string& site : sites) {
    const std::string escaped = html_escape(site);
    page += site.starts_with("*") ? "<li>" + escaped
                                  : "<li><a href=\"" + scheme + escaped + "\">" + escaped + "</a>";
  }
  if (!sites.empty()) page += "</ul>";
  if (!reply.request_id.empty())
    page += "<p><small>Request " + html_escape(reply.request_id) + "</small></p>";
  return page + "</html>\n";
}

std::string json_page(const Reply& reply, const std::vector<std::string>& sites) {
  const base::CauseWords& words = base::describe(reply.cause);
  std::string page = "{\"status\":" + std::to_string(reply.status) + ",\"title\":\"" +
                     std::string(http::reason_phrase(reply.status)) + "\",\"detail\":\"" +
                     json_escape(explanation(reply)) + "\"";
  if (!words.name.empty()) page += ",\"error\":\"" + std::string(words.name) + "\"";
  if (!reply.request_id.empty())
    page += ",\"request_id\":\"" + json_escape(reply.request_id) + "\"";
  for (std::size_t i = 0; i < sites.size(); ++i) {
    page += (i == 0 ? ",\"sites\":[\"" : ",\"") + json_escape(sites[i]) + "\"";
  }
  if (!sites.empty()) page += "]";
  return page + "}\n";
}

const std::string* custom_page(const Reply& reply) {
  if (reply.service == nullptr) return nullptr;
  const auto& pages = reply.service->error_pages;
  auto at = pages.find(reply.status);
  if (at == pages.end()) at = pages.find(reply.status / 100);
  return at == pages.end() ? nullptr : &at->second;
}

// RFC 9209. Quoted strings hold printable ASCII only.
std::string proxy_status(const Reply& reply, std::string_view via) {
  if (reply.cause == base::Cause::None) return {};
  std::string line = "Proxy-Status: " + std::string(via) +
                     "; error=" + std::string(base::describe(reply.cause).name);
  if (!reply.target.empty()) line += "; next-hop=\"" + structured_escape(reply.target) + "\"";
  if (!reply.details.empty()) line += "; details=\"" + structured_escape(reply.details) + "\"";
  return line + "\r\n";
}

// In whole seconds, none of them too early.
std::int64_t retry_seconds(const Reply& reply) {
  if (reply.retry_after > 0) return (reply.retry_after + base::kSecond - 1) / base::kSecond;
  return reply.cause == base::Cause::Stopped ? kRetryStopped : kRetrySoon;
}

std::string head_start(std::uint16_t status, bool close, const http::CorsGrant& cors,
                       Worker& worker) {
  std::string head =
      "HTTP/1.1 " + std::to_string(status) + " " + std::string(http::reason_phrase(status)) +
      "\r\nDate: " + std::string(worker.date()) + "\r\n" + (close ? "Connection: close\r\n" : "");
  http::for_each_field(cors, [&head](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  });
  return head;
}

}  // namespace

std::uint64_t write_reply(base::Buffer& out, const Reply& reply, Worker& worker) {
  std::string head = head_start(reply.status, reply.close, reply.cors, worker);
  if (!reply.close && reply.minor_version == 0) head += "Connection: keep-alive\r\n";
  head += proxy_status(reply, worker.via());
  if (!reply.request_id.empty()) head += "X-Request-ID: " + std::string(reply.request_id) + "\r\n";
  if (reply.status == 405) head += kOptionsLines;
  if (reply.status == 503 || reply.status == 429)
    head += "Retry-After: " + std::to_string(retry_seconds(reply)) + "\r\n";
  const bool bodyless = reply.status == 204 || reply.status == 304;
  std::string body;
  if (!bodyless) {
    const std::vector<std::string> sites = known_sites(reply, worker);
    const std::string* custom = custom_page(reply);
    const bool json = wants_json(reply.accept) && custom == nullptr;
    body = custom != nullptr ? with_message(*custom, message_of(reply))
           : json            ? json_page(reply, sites)
                             : html_page(reply, sites);
    head +=
        json ? "Content-Type: application/json\r\n" : "Content-Type: text/html; charset=utf-8\r\n";
    head += "Cache-Control: no-store\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  head += "\r\n";
  out.append(head);
  if (reply.head_only) return 0;
  out.append(body);
  return body.size();
}

void write_bare(base::Buffer& out, const BareReply& reply, Worker& worker) {
  std::string head = head_start(reply.status, reply.close, reply.cors, worker);
  out.append(head.append(reply.lines).append("\r\n"));
}

std::string redirect_lines(std::string_view location, const http::RequestHead& request) {
  std::string uri(request.path);
  if (request.has_query) uri += "?" + std::string(request.query);
  std::string_view authority = request.authority;
  if (authority.ends_with(":80")) authority.remove_suffix(3);
  constexpr std::array<std::string_view, 5> kNames = {"{uri}", "{host}", "{authority}", "{path}",
                                                      "{query}"};
  const std::array<std::string_view, 5> values = {uri, http::host_of(request.authority), authority,
                                                  request.path, request.query};
  std::string to;
  http::fill_places(location, {kNames, values}, [&to](std::string_view piece) { to += piece; });
  return "Location: " + to + "\r\nContent-Length: 0\r\n";
}

std::string with_message(std::string_view page, std::string_view message) {
  const std::string escaped = html_escape(message);
  std::string filled;
  for (std::size_t at = 0; (at = page.find(kMessagePlace)) != std::string_view::npos;) {
    filled += page.substr(0, at);
    filled += escaped;
    page.remove_prefix(at + kMessagePlace.size());
  }
  return filled += page;
}

}  // namespace engine::proxy
