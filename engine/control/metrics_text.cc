// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/metrics_text.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "engine/base/clock.h"

namespace engine::control {
namespace {

constexpr std::array<std::string_view, 4> kTypeNames = {"counter", "gauge", "histogram", "summary"};

double seconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / static_cast<double>(base::kSecond);
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
  out += out.back() == '{' ? "" : ",";
  out += name;
  out += "=\"";
  append_escaped(out, value);
  out += '"';
}

}  // namespace

void MetricsText::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                 kTypeNames[static_cast<std::size_t>(type)]);
}

void MetricsText::sample(Labels labels, std::uint64_t value) {
  begin("", labels);
  end(value);
}

void MetricsText::sample(Labels labels, double value) {
  begin("", labels);
  end(value);
}

// Its counters may grow while they are read: the count is the sum of what was read.
void MetricsText::histogram(Labels labels, const route::Histogram& histogram) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < route::Histogram::kBounds.size(); ++i) {
    count += histogram.count(i);
    begin("_bucket", labels,
          fmt::format("{}", seconds(static_cast<std::uint64_t>(route::Histogram::kBounds[i]))));
    end(count);
  }
  count += histogram.count(route::Histogram::kBounds.size());
  begin("_bucket", labels, "+Inf");
  end(count);
  summary(labels, count, seconds(histogram.sum()));
}

void MetricsText::summary(Labels labels, std::uint64_t count, double sum) {
  begin("_sum", labels);
  end(sum);
  begin("_count", labels);
  end(count);
}

void MetricsText::begin(std::string_view suffix, Labels labels, std::string_view le) {
  text_ += name_;
  text_ += suffix;
  if (labels.size() == 0 && le.empty()) return;
  text_ += '{';
  for (const auto& [name, value] : labels) append_label(text_, name, value);
  if (!le.empty()) append_label(text_, "le", le);
  text_ += '}';
}

void MetricsText::end(std::uint64_t value) {
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void MetricsText::end(double value) { fmt::format_to(std::back_inserter(text_), " {}\n", value); }

}  // namespace engine::control
