// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/target.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <array>
#include <optional>

#include "config/address.h"
#include "config/suggest.h"
#include "config/text.h"

namespace config {
namespace {

constexpr std::array<std::string_view, 4> kPlaceholders = {"uri", "host", "path", "query"};
constexpr std::string_view kPassthrough = "tls-passthrough:";
constexpr std::string_view kUnsupported = "file:";
constexpr std::array<std::string_view, 7> kSchemes = {
    "http", "https", "h2c", "unix", "redirect", "status", "tls-passthrough"};
// 308 keeps the method and the body; 301 and 302 turn a POST into a GET.
constexpr int kRedirectStatus = 308;
constexpr std::size_t kUnixPathBytes = sizeof(sockaddr_un::sun_path) - 1;

std::unexpected<Complaint> refuse(std::string message, std::string hint = {}) {
  return std::unexpected(Complaint{std::move(message), std::move(hint)});
}

// Every "{" opens one of the four names.
std::optional<Complaint> check_placeholders(std::string_view url) {
  for (std::size_t at = url.find_first_of("{}"); at != std::string_view::npos;
       at = url.find_first_of("{}", at)) {
    std::size_t end = url.find('}', at);
    if (url[at] == '}' || end == std::string_view::npos) {
      return Complaint{fmt::format("redirect {} has a lone brace", in_quotes(url)),
                       "a literal brace is %7B or %7D"};
    }
    std::string_view name = url.substr(at + 1, end - at - 1);
    bool known = false;
    for (std::string_view placeholder : kPlaceholders) known |= name == placeholder;
    if (!known) {
      std::string_view meant = nearest(name, kPlaceholders);
      return Complaint{fmt::format("redirect has an unknown placeholder {}",
                                   in_quotes(url.substr(at, end - at + 1))),
                       meant.empty() ? "known are {uri}, {host}, {path} and {query}"
                                     : fmt::format("did you mean \"{{{}}}\"?", meant)};
    }
    at = end + 1;
  }
  return std::nullopt;
}

// What the client sends must never choose the host it is sent to: an open redirect.
std::optional<Complaint> check_redirect_host(std::string_view url) {
  std::string name = in_quotes(url);
  if (url.starts_with('/')) {
    if (!url.starts_with("//") && !url.starts_with("/{")) return std::nullopt;
    return Complaint{fmt::format("redirect {} could lead to any host", name),
                     "write \"redirect:https://example.com{uri}\""};
  }
  std::size_t scheme = url.find("://");
  std::string_view kind = url.substr(0, scheme == std::string_view::npos ? 0 : scheme);
  if (kind != "https" && kind != "http") {
    return Complaint{fmt::format("redirect {} is not a URL", name),
                     "write \"redirect:https://example.com{uri}\""};
  }
  std::string_view rest = url.substr(scheme + 3);
  std::size_t authority = rest.find_first_of("/?#{");
  while (authority != std::string_view::npos && rest.substr(authority).starts_with("{host}")) {
    authority = rest.find_first_of("/?#{", authority + 6);
  }
  bool grows = authority != std::string_view::npos && rest.substr(authority).starts_with("{query}");
  if (authority == 0 || rest.empty() || grows) {
    return Complaint{fmt::format("redirect {} has no complete host", name),
                     "write \"redirect:https://example.com{uri}\""};
  }
  return std::nullopt;
}

std::expected<Target, Complaint> parse_redirect(std::string_view url) {
  if (url.size() > 3 && is_digits(url.substr(0, 3)) && (url[3] == ' ' || url[3] == ':')) {
    return refuse(
        "a redirect always answers 308, which keeps method and body",
        fmt::format("write {}", in_quotes("redirect:" + std::string(trim(url.substr(4))))));
  }
  if (!is_ascii(url) || has_control(url) ||
      url.find_first_of(" \"<>\\") != std::string_view::npos) {
    return refuse(fmt::format("redirect {} has a character that no URL has", in_quotes(url)),
                  "write it with %XX");
  }
  if (auto complaint = check_placeholders(url)) return std::unexpected(std::move(*complaint));
  if (auto complaint = check_redirect_host(url)) return std::unexpected(std::move(*complaint));
  Target target;
  target.kind = Target::Kind::Redirect;
  target.status = kRedirectStatus;
  target.text = url;
  return target;
}

std::expected<Target, Complaint> parse_status(std::string_view text) {
  std::size_t space = text.find(' ');
  std::string_view digits = text.substr(0, space);
  std::optional<unsigned> code = is_digits(digits) ? parse_number<unsigned>(digits) : std::nullopt;
  if (!code || digits.size() != 3 || *code < 200 || *code > 599) {
    return refuse(fmt::format("{} is not a status – write 200 to 599", in_quotes(digits)),
                  "write \"status:410\" or \"status:410 Gone for good\"");
  }
  Target target;
  target.kind = Target::Kind::Status;
  target.status = static_cast<int>(*code);
  if (space != std::string_view::npos) target.text = trim(text.substr(space + 1));
  if (!target.text.empty() && (*code == 204 || *code == 205 || *code == 304)) {
    return refuse(fmt::format("status {} never has a body", *code),
                  fmt::format("write \"status:{}\"", *code));
  }
  return target;
}

std::expected<Target, Complaint> parse_unix(std::string_view path) {
  if (path.starts_with("//")) path.remove_prefix(2);  // unix:///run/app.sock, as others write it
  if (!path.starts_with('/')) {
    return refuse(fmt::format("socket path {} is not absolute", in_quotes(path)),
                  "write \"unix:/run/app.sock\"");
  }
  if (has_control(path)) {
    return refuse(fmt::format("socket path {} has a control character", in_quotes(path)));
  }
  if (path.size() > kUnixPathBytes) {
    return refuse(fmt::format("socket path {} is longer than the {} bytes the kernel takes",
                              in_quotes(path), kUnixPathBytes));
  }
  Target target;
  target.kind = Target::Kind::Unix;
  target.path = path;
  return target;
}

std::expected<Target, Complaint> tcp_target(HostPort address, std::string_view written,
                                            std::optional<uint16_t> default_port) {
  if (!address.port) address.port = default_port;
  if (!address.port) {
    return refuse(fmt::format("target {} has no port", in_quotes(written)),
                  fmt::format("write {}", in_quotes(std::string(written) + ":80")));
  }
  Target target;
  target.port = *address.port;
  // RFC 6761, 6.3: "localhost" is the loopback, whatever a resolver says.
  if (address.host == "localhost") return target;
  target.kind = Target::Kind::Tcp;
  target.host = std::move(address.host);
  return target;
}

// [user@]host[:port][/] of an http://, https:// or h2c:// target.
std::expected<HostPort, Complaint> parse_authority(std::string_view written) {
  std::string_view rest = written.substr(written.find("//") + 2);
  if (rest.find('@') != std::string_view::npos) {
    return refuse("a target has no user or password",
                  "send them with headers.request.set.Authorization");
  }
  std::size_t end = rest.find_first_of("/?#");
  std::string_view path = end == std::string_view::npos ? "" : rest.substr(end);
  if (!path.empty() && path != "/") {
    return refuse(fmt::format("target {} has a path", in_quotes(written)),
                  "leave it out; rewrite.strip changes the path that a target sees");
  }
  return parse_host_port(rest.substr(0, end));
}

std::expected<Target, Complaint> parse_http(std::string_view written) {
  std::expected<HostPort, Complaint> address = parse_authority(written);
  if (!address) return std::unexpected(address.error());
  return tcp_target(std::move(*address), written, 80);
}

// Always a host, "localhost" too: its name is what the certificate must be for.
std::expected<Target, Complaint> parse_https(std::string_view written) {
  std::expected<HostPort, Complaint> address = parse_authority(written);
  if (!address) return std::unexpected(address.error());
  Target target;
  target.kind = Target::Kind::Tcp;
  target.tls = true;
  target.host = std::move(address->host);
  target.port = address->port.value_or(443);
  return target;
}

// No default port: no server of HTTP/2 in plaintext is known by one.
std::expected<Target, Complaint> parse_h2c(std::string_view written) {
  std::expected<HostPort, Complaint> address = parse_authority(written);
  if (!address) return std::unexpected(address.error());
  std::expected<Target, Complaint> target = tcp_target(std::move(*address), written, std::nullopt);
  if (target) target->h2c = true;
  return target;
}

std::expected<Target, Complaint> parse_passthrough(std::string_view written) {
  std::expected<HostPort, Complaint> address = parse_host_port(written.substr(kPassthrough.size()));
  if (!address) return std::unexpected(address.error());
  std::expected<Target, Complaint> target = tcp_target(std::move(*address), written, 443);
  if (target) target->passthrough = true;
  return target;
}

// "name:rest" that cannot be a host with a port.
std::optional<Complaint> unknown_kind(std::string_view text) {
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.starts_with('[')) return std::nullopt;
  std::string_view rest = text.substr(colon + 1);
  if (rest.find_first_of("/ ") == std::string_view::npos) return std::nullopt;
  if (is_digits(rest.substr(0, rest.find('/')))) {
    return Complaint{fmt::format("target {} has a path", in_quotes(text)),
                     "leave it out; rewrite.strip changes the path that a target sees"};
  }
  std::string_view meant = nearest(text.substr(0, colon), kSchemes);
  return Complaint{fmt::format("unknown kind of target {}", in_quotes(text)),
                   meant.empty()
                       ? "write a port, \"host:port\", \"http://…\", \"https://…\", "
                         "\"h2c://…\", \"unix:…\", \"tls-passthrough:…\", \"redirect:…\" or "
                         "\"status:…\""
                       : fmt::format("did you mean \"{}:\"?", meant)};
}

}  // namespace

std::expected<Target, Complaint> port_target(int64_t port) {
  if (port < 1 || port > 65535) {
    return refuse(fmt::format("{} is not a port – write a number from 1 to 65535", port));
  }
  Target target;
  target.port = static_cast<uint16_t>(port);
  return target;
}

std::expected<Target, Complaint> parse_target(std::string_view text) {
  if (text.empty()) return refuse("the target is empty", "write a port, for example 3000");
  if (is_digits(text))
    return port_target(static_cast<int64_t>(parse_number<uint32_t>(text).value_or(0)));
  if (text.starts_with(kUnsupported))
    return refuse(fmt::format("\"{}\" targets are not supported by this version", kUnsupported));
  if (text.starts_with("redirect:")) return parse_redirect(text.substr(9));
  if (text.starts_with("status:")) return parse_status(text.substr(7));
  if (text.starts_with("unix:")) return parse_unix(text.substr(5));
  if (text.starts_with("http://")) return parse_http(text);
  if (text.starts_with("https://")) return parse_https(text);
  if (text.starts_with("h2c://")) return parse_h2c(text);
  if (text.starts_with(kPassthrough)) return parse_passthrough(text);
  if (text.starts_with(':') && is_digits(text.substr(1))) {
    return refuse(fmt::format("target {} has no host", in_quotes(text)),
                  fmt::format("write {}", text.substr(1)));
  }
  if (text.starts_with('/')) {
    return refuse(
        fmt::format("target {} is a path", in_quotes(text)),
        fmt::format("a unix socket is written {}", in_quotes("unix:" + std::string(text))));
  }
  if (auto complaint = unknown_kind(text)) return std::unexpected(std::move(*complaint));
  std::expected<HostPort, Complaint> address = parse_host_port(text);
  if (!address) return std::unexpected(address.error());
  return tcp_target(std::move(*address), text, std::nullopt);
}

}  // namespace config
