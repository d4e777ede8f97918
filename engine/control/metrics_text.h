// SPDX-License-Identifier: GPL-3.0-or-later
// Writes Prometheus' text format, version 0.0.4. It knows the format, not what is measured.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "engine/route/histogram.h"

namespace engine::control {

class MetricsText {
 public:
  enum class Type : std::uint8_t { Counter, Gauge, Histogram, Summary };
  // Name and value; the value is escaped here.
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  // What follows are samples of `name`, until the next family. `help` is one line.
  void family(std::string_view name, Type type, std::string_view help);
  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, double value);
  void histogram(Labels labels, const route::Histogram& histogram);
  // Without quantiles; `sum` in seconds.
  void summary(Labels labels, std::uint64_t count, double sum);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  // `le` is the label of a histogram's bucket; empty elsewhere.
  void begin(std::string_view suffix, Labels labels, std::string_view le = {});
  void end(std::uint64_t value);
  void end(double value);

  std::string text_;
  std::string name_;  // of the family
};

}  // namespace engine::control
