// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/deploy_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/text.h"
#include "engine/cli/terminal.h"

namespace engine::cli {
namespace {

constexpr std::size_t kTextWidth = 34;  // results of probes are mostly shorter

std::string padded(std::string text, std::size_t width) {
  const std::size_t used = config::code_points(text);
  if (used < width) text.append(width - used, ' ');
  return text;
}

std::string seconds_text(double seconds) {
  return seconds == static_cast<int>(seconds) ? fmt::format("{} s", static_cast<int>(seconds))
                                              : fmt::format("{:.1f} s", seconds);
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "nothing" : fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

DeployProgress::DeployProgress(std::size_t fold_columns, const std::vector<std::string>& targets)
    : fold_columns_(fold_columns) {
  for (const std::string& target : targets) label_width_ = std::max(label_width_, target.size());
}

std::string DeployProgress::on_event(const std::string& name, const Json& event) {
  if (name == "resolve") on_resolve(event);
  if (name == "probe") on_probe(event);
  if (name == "healthy") on_healthy(event);
  if (name == "swapped") on_swapped(event);
  if (name == "drained") on_drained(event);
  if (name == "done" || name == "failed" || name == "aborted") on_end(name, event);
  return redraw();
}

void DeployProgress::on_resolve(const Json& event) {
  const std::string failure = text_in(event, "failure");
  const std::string target = text_in(event, "target");
  const std::string found = fmt::format("{}", fmt::join(texts_in(event, "addresses"), " "));
  commit(target);
  live_.push_back({.key = target,
                   .text = label(target) + "resolve " + (failure.empty() ? found : failure),
                   .ending = "",
                   .result = failure.empty() ? "ok" : ""});
  commit(target);
}

void DeployProgress::on_probe(const Json& event) {
  const std::string target = text_in(event, "target");
  const bool ok = is_true(event, "ok");
  Row row{.key = target,
          .text = label(target) + text_in(event, "request") + "  " + text_in(event, "result"),
          .ending = fmt::format("({})", seconds_text(seconds_in(event, "seconds"))),
          .result = ok ? "ok" : ""};
  if (const std::string hint = text_in(event, "hint"); !hint.empty()) row.result = "hint: " + hint;
  const Row* before = live(target);
  if (fold_columns_ != 0 && before != nullptr && before->text == row.text) {
    row.count = before->count + 1;
    *live(target) = std::move(row);
    return;
  }
  commit(target);
  live_.push_back(std::move(row));
  // A good one waits for its "healthy".
  if (fold_columns_ == 0 && !ok) commit(target);
}

void DeployProgress::on_healthy(const Json& event) {
  const std::string target = text_in(event, "target");
  if (live(target) == nullptr) {
    live_.push_back({.key = target,
                     .text = label(target),
                     .ending = fmt::format("({})", seconds_text(seconds_in(event, "seconds")))});
  }
  live(target)->result = "healthy";
  commit(target);
}

void DeployProgress::on_swapped(const Json& event) {
  commit_all();
  const auto sites = texts_in(event, "sites");
  const auto from = texts_in(event, "from");
  const auto to = texts_in(event, "to");
  std::string text = fmt::format("  {}: {} → {}", joined(sites), joined(from), joined(to));
  if (!from.empty()) {
    text += fmt::format(", draining {}", counted(number_in(event, "inflight"), "request"));
    const std::int64_t tunnels = number_in(event, "tunnels");
    if (tunnels != 0) text += fmt::format(", {}", counted(tunnels, "WebSocket"));
  }
  live_.push_back({.key = "", .text = std::move(text), .ending = "", .result = ""});
  if (fold_columns_ == 0) commit("");
}

void DeployProgress::on_drained(const Json& event) {
  const std::int64_t cut = number_in(event, "cut");
  std::string text = fmt::format("{} left ({})", number_in(event, "left"),
                                 seconds_text(seconds_in(event, "seconds")));
  if (cut != 0) text += fmt::format(", {} cut", cut);
  if (Row* swap = live("")) {
    swap->text += " … " + text;
  } else {
    live_.push_back({.key = "", .text = "  drained: " + text, .ending = "", .result = ""});
  }
  commit("");
}

void DeployProgress::on_end(const std::string& name, const Json& event) {
  commit_all();
  Outcome outcome;
  if (name == "done") {
    outcome.summary =
        fmt::format("deployed {} (generation {}) in {}", text_in(event, "service"),
                    number_in(event, "generation"), seconds_text(seconds_in(event, "seconds")));
  } else {
    const std::string cause = text_in(event, "cause");
    outcome.exit_code =
        static_cast<int>(std::clamp<std::int64_t>(number_in(event, "exit"), 1, 125));
    outcome.error = name == "aborted" ? "the deploy was aborted"
                                      : "deploy failed" + (cause.empty() ? "" : ": " + cause);
    outcome.fix = text_in(event, "hint");
  }
  outcome_ = std::move(outcome);
}

std::string DeployProgress::label(const std::string& target) const {
  return "  " + padded(target, label_width_) + "  ";
}

DeployProgress::Row* DeployProgress::live(const std::string& key) {
  const auto found = std::ranges::find(live_, key, &Row::key);
  return found == live_.end() ? nullptr : &*found;
}

void DeployProgress::commit(const std::string& key) {
  const auto found = std::ranges::find(live_, key, &Row::key);
  if (found == live_.end()) return;
  committed_ += line(*found);
  live_.erase(found);
}

void DeployProgress::commit_all() {
  while (!live_.empty()) commit(std::string(live_.front().key));
}

std::string DeployProgress::line(const Row& row) const {
  std::string text = row.text;
  if (!row.ending.empty() || !row.result.empty()) text = padded(text, label_width_ + kTextWidth);
  if (!row.ending.empty()) text += "  " + row.ending;
  if (row.count > 1) text += fmt::format(" … ×{}", row.count);
  if (!row.result.empty()) text += "  " + row.result;
  text = printable(text);
  // A line that wraps could not be drawn again.
  return (fold_columns_ == 0 ? text : shortened(text, fold_columns_ - 1)) + "\n";
}

std::string DeployProgress::redraw() {
  std::string out;
  if (drawn_ != 0) out = fmt::format("\x1b[{}A\x1b[J", drawn_);  // up, and clear from there
  out += std::exchange(committed_, {});
  if (fold_columns_ == 0) return out;
  for (const Row& row : live_) out += line(row);
  drawn_ = live_.size();
  return out;
}

}  // namespace engine::cli
