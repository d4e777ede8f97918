// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/echo_page.h"

#include <string_view>

#include "engine/cli/echo_words.h"

namespace engine::cli {
namespace {

constexpr std::string_view kPageStart = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>engine echo</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem;
       color: #222; background: #fff }
h1 { font-size: 1.4rem }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid #ddd; padding: .25rem .5rem; vertical-align: top; word-break: break-word }
td:first-child { color: #666; white-space: nowrap }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } td { border-color: #444 } }
</style>
<h1>It works: this is the demo upstream of engine.</h1>
<p>Your request arrived here like this:</p>
<table>
)";
constexpr std::string_view kPageEnd = R"(</table>
<p>More to try: /headers, /bytes/1m, /delay/500ms, /status/503, /sse, /ws.
Replace this demo by your own application: put its port into proxy.toml.</p>
</html>
)";

void append_row(std::string& page, std::string_view name, std::string_view value) {
  page += "<tr><td>";
  append_html(page, name);
  page += "<td>";
  append_html(page, value);
  page += '\n';
}

void append_member(std::string& json, std::string_view name, std::string_view value) {
  append_json(json, name);
  json += ':';
  append_json(json, value);
  json += ',';
}

std::string_view version_of(const http::RequestHead& head) {
  return head.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

}  // namespace

std::string request_json(const http::RequestHead& head) {
  std::string json = "{";
  append_member(json, "method", head.method_text);
  append_member(json, "target", head.target);
  append_member(json, "path", head.path);
  append_member(json, "query", head.query);
  append_member(json, "version", version_of(head));
  append_member(json, "host", head.authority);
  json += "\"headers\":[";
  bool first = true;
  for (const http::Field& field : head.fields) {
    if (!first) json += ',';
    first = false;
    json += '[';
    append_json(json, field.name);
    json += ',';
    append_json(json, field.value);
    json += ']';
  }
  json += "]}\n";
  return json;
}

std::string request_page(const http::RequestHead& head) {
  std::string page(kPageStart);
  append_row(page, "method", head.method_text);
  append_row(page, "host", head.authority);
  append_row(page, "path", head.path);
  if (head.has_query) append_row(page, "query", head.query);
  append_row(page, "version", version_of(head));
  page += "</table>\n<h2>Headers</h2>\n<table>\n";
  for (const http::Field& field : head.fields) append_row(page, field.name, field.value);
  page += kPageEnd;
  return page;
}

}  // namespace engine::cli
