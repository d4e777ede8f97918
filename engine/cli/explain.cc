// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/explain.h"

#include <fmt/format.h>

#include <string_view>

#include "engine/cli/config_file.h"
#include "engine/cli/say.h"
#include "engine/cli/terminal.h"
#include "engine/control/explain.h"

namespace engine::cli {
namespace {

constexpr std::size_t kLabelWidth = 8;

void add_line(std::string& page, std::string_view label, const std::string& text) {
  page += fmt::format("{:{}}  {}\n", label, kLabelWidth, printable(text));
}

std::string gate_text(const std::string& gate) {
  if (gate == "paused") return "paused: requests wait";
  if (gate == "stopped") return "stopped: requests get 503";
  return gate;
}

std::string target_text(const Json& target) {
  std::string text =
      fmt::format("{}, weight {}", text_in(target, "target"), number_in(target, "weight"));
  if (const std::string pool = text_in(target, "pool"); !pool.empty()) text += ", " + pool;
  if (const std::string state = text_in(target, "state"); !state.empty()) text += ", " + state;
  return text;
}

std::string timeout_text(const Json& timeout) {
  return fmt::format("connect {}, first byte {}, idle {}, total {}", text_in(timeout, "connect"),
                     text_in(timeout, "first_byte"), text_in(timeout, "idle"),
                     text_in(timeout, "total"));
}

// Empty where bodies are streamed.
std::string buffer_text(const Json& buffer) {
  const bool requests = is_true(buffer, "requests");
  const bool responses = is_true(buffer, "responses");
  if (!requests && !responses) return {};
  const std::string_view what = requests && responses ? "requests and responses"
                                : requests            ? "requests"
                                                      : "responses";
  return fmt::format("{}, {} bytes of each in memory", what, number_in(buffer, "memory_bytes"));
}

// 0 means that there is none.
std::string limit_text(const Json& limit) {
  const std::int64_t inflight = number_in(limit, "inflight");
  const std::int64_t body = number_in(limit, "body_bytes");
  const std::int64_t response = number_in(limit, "response_bytes");
  std::string text =
      fmt::format("{}, {}",
                  inflight == 0 ? "any number of requests at a time"
                                : fmt::format("{} requests at a time", inflight),
                  body == 0 ? "bodies of any size" : fmt::format("bodies of {} bytes", body));
  if (response > 0) text += fmt::format(", responses of {} bytes", response);
  if (const std::string rate = text_in(limit, "rate"); !rate.empty()) {
    text += fmt::format(", {} with bursts of {} by {}", rate, number_in(limit, "burst"),
                        text_in(limit, "by"));
  }
  return text;
}

// Empty where pages of other origins are not spoken of.
std::string cors_text(const Json& cors) {
  const std::vector<std::string> origins = texts_in(cors, "origins");
  if (origins.empty()) return {};
  std::string text =
      fmt::format("{}: {}", fmt::join(origins, ", "), fmt::join(texts_in(cors, "methods"), ", "));
  const std::vector<std::string> headers = texts_in(cors, "headers");
  if (!headers.empty()) text += fmt::format(", with {}", fmt::join(headers, ", "));
  if (is_true(cors, "credentials")) text += ", with credentials";
  return text;
}

void add_forwarding(std::string& page, const Json& answer) {
  add_line(page, "path", text_in(answer, "path"));
  for (const Json& target : list_in(answer, "targets")) {
    add_line(page, "target", target_text(target));
  }
  add_line(page, "timeout", timeout_text(field(answer, "timeout")));
  add_line(page, "limit", limit_text(field(answer, "limit")));
  if (const std::string buffer = buffer_text(field(answer, "buffer")); !buffer.empty()) {
    add_line(page, "buffer", buffer);
  }
  add_line(page, "retries", std::to_string(number_in(field(answer, "retry"), "times")));
  if (const std::string cors = cors_text(field(answer, "cors")); !cors.empty())
    add_line(page, "cors", cors);
}

int show_answer(const ExplainOptions& options, const control::Question& question,
                const Json& answer) {
  const std::string request = question.method + " " + question.url;
  print(options.client.json ? json_page(answer) : explain_page(request, answer));
  return field(answer, "site").is_string() ? kExitOk : kExitNotFound;
}

int explain_by_file(const ExplainOptions& options, const RunOptions& file,
                    const control::Question& question) {
  const config::Result result = read_config(file);
  say_problems(file, result);
  if (!result.ok()) return exit_code_of(result);
  const auto answer = control::explain(result.config, question);
  if (answer) return show_answer(options, question, Json(*answer));
  say_error(answer.error().detail);
  say_fix(answer.error().hint);
  return kExitUsage;
}

}  // namespace

int run_explain(const ExplainOptions& options) {
  control::Question question;
  question.url = options.words.back();
  if (options.words.size() > 1) question.method = options.words.front();
  if (!options.config.empty()) {
    return explain_by_file(options, {.config = options.config, .overrides = {}}, question);
  }
  const std::string socket = socket_of(options.client);
  const auto body =
      Client(socket).call({.method = "POST",
                           .path = "/v1/explain",
                           .body = Json{{"method", question.method}, {"url", question.url}},
                           .subject = ""});
  if (body) return show_answer(options, question, parse_json(*body));
  const RunOptions usual{.config = usual_config_path(), .overrides = {}};
  if (body.error().exit_code != kExitUnreachable || !is_there(usual.config)) {
    return say_failure(body.error());
  }
  say(fmt::format("no engine answers on {}: this is what {} says", socket, usual.config));
  return explain_by_file(options, usual, question);
}

std::string explain_page(const std::string& request, const Json& answer) {
  std::string page = printable(request) + "\n";
  const std::string site = text_in(answer, "site");
  add_line(page, "site", site.empty() ? "none" : site);
  for (const std::string& reason : texts_in(answer, "why")) add_line(page, "why", reason);
  if (!site.empty()) {
    add_line(page, "from", text_in(answer, "origin"));
    add_line(page, "service", text_in(answer, "service"));
  }
  if (const std::string gate = text_in(answer, "gate"); !gate.empty()) {
    add_line(page, "gate", gate_text(gate));
  }
  add_line(page, "answer", text_in(answer, "outcome"));
  if (text_in(answer, "answer") == "proxy") add_forwarding(page, answer);
  return page;
}

}  // namespace engine::cli
