// SPDX-License-Identifier: GPL-3.0-or-later
// The engine's own events as single lines with named values. For control, start, and what happens
// rarely: a worker's requests go through the access log. It must not know where the lines end up.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/clock.h"

namespace engine::base::log {

enum class Level : std::uint8_t { Error, Warn, Info, Debug };
enum class Format : std::uint8_t { Text, Json };

struct Item {
  std::string_view key;
  std::string_view value;
};

inline constexpr std::array<std::string_view, 4> kLevelNames = {"error", "warn", "info", "debug"};
[[nodiscard]] std::string_view name_of(Level level) noexcept;
[[nodiscard]] std::optional<Level> level_named(std::string_view name) noexcept;

// One line at a time, complete with its line end. May be called by any thread.
using Sink = void (*)(std::string_view line);

// Any thread. The defaults are Info, Text and standard error; null brings the default sink back.
void set_level(Level level) noexcept;
void set_format(Format shape) noexcept;
void set_sink(Sink sink) noexcept;

[[nodiscard]] Level level() noexcept;
[[nodiscard]] bool enabled(Level level) noexcept;
[[nodiscard]] Format format() noexcept;

void write(Level level, std::string_view message, std::initializer_list<Item> items = {});

inline void error(std::string_view message, std::initializer_list<Item> items = {}) {
  write(Level::Error, message, items);
}
inline void warn(std::string_view message, std::initializer_list<Item> items = {}) {
  write(Level::Warn, message, items);
}
inline void info(std::string_view message, std::initializer_list<Item> items = {}) {
  write(Level::Info, message, items);
}
inline void debug(std::string_view message, std::initializer_list<Item> items = {}) {
  write(Level::Debug, message, items);
}

// A complete line:
//   2026-11-20T20:42:10.123Z info listening address=127.0.0.1:8080
//   {"ts":"2026-11-20T20:42:10.123Z","level":"info","msg":"listening","address":"127.0.0.1:8080"}
// `wall` is nanoseconds since 1970.
[[nodiscard]] std::string format_line(Format shape, Time wall, Level level,
                                      std::string_view message, std::span<const Item> items);

// "2026-11-20T20:42:10.123Z"
[[nodiscard]] std::string format_time(Time wall);

// Appends `text` as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace engine::base::log
