// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>

namespace engine::base::log {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void write_to_stderr(std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); }

std::atomic<Level> level_in_force{Level::Info};
std::atomic<Format> format_in_force{Format::Text};
std::atomic<Sink> sink_in_force{&write_to_stderr};

void append_digits(std::string& out, std::uint64_t value, int width) {
  std::array<char, 20> digits{};
  for (int i = width; i > 0; --i, value /= 10) {
    digits[static_cast<std::size_t>(i - 1)] = static_cast<char>('0' + value % 10);
  }
  out.append(digits.data(), static_cast<std::size_t>(width));
}

// Bytes of the well-formed UTF-8 sequence at the start of `text` (RFC 3629); 0 when there is none.
std::size_t sequence_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&byte](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90;
    const bool too_large = first == 0xf4 && second > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Outside quotes a quote and a backslash stand for themselves.
enum class Quotes { None, Around };

void append_escaped(std::string& out, char c, Quotes quotes) {
  if (quotes == Quotes::Around && (c == '"' || c == '\\')) out += '\\';
  switch (c) {
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (!is_control(c)) {
    out += c;
    return;
  }
  const auto value = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHexDigits[value >> 4U];
  out += kHexDigits[value & 0xfU];
}

void append_utf8(std::string& out, std::string_view text, Quotes quotes) {
  while (!text.empty()) {
    const std::size_t bytes = sequence_bytes(text);
    if (bytes == 0) {
      out += "\xef\xbf\xbd";
    } else if (bytes == 1) {
      append_escaped(out, text[0], quotes);
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
}

// A value with a space, a quote or a control character would break the line into other words.
bool reads_as_one_word(std::string_view value) {
  return !value.empty() && std::ranges::none_of(value, [](char c) {
    return c == ' ' || c == '"' || c == '\\' || c == '=' || is_control(c);
  });
}

void append_text_value(std::string& out, std::string_view value) {
  if (reads_as_one_word(value)) {
    append_utf8(out, value, Quotes::None);
  } else {
    append_json_string(out, value);
  }
}

}  // namespace

std::string_view name_of(Level level) noexcept {
  return kLevelNames[static_cast<std::size_t>(level)];
}

std::optional<Level> level_named(std::string_view name) noexcept {
  const auto found = std::ranges::find(kLevelNames, name);
  if (found == kLevelNames.end()) return std::nullopt;
  return static_cast<Level>(found - kLevelNames.begin());
}

void set_level(Level level) noexcept { level_in_force.store(level, std::memory_order_relaxed); }
void set_format(Format shape) noexcept { format_in_force.store(shape, std::memory_order_relaxed); }
void set_sink(Sink sink) noexcept {
  sink_in_force.store(sink == nullptr ? &write_to_stderr : sink, std::memory_order_release);
}

Level level() noexcept { return level_in_force.load(std::memory_order_relaxed); }

bool enabled(Level level) noexcept {
  return level <= level_in_force.load(std::memory_order_relaxed);
}

Format format() noexcept { return format_in_force.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, std::initializer_list<Item> items) {
  if (!enabled(level)) return;
  const std::string line =
      format_line(format(), wall_now(), level, message, std::span(items.begin(), items.size()));
  sink_in_force.load(std::memory_order_acquire)(line);
}

std::string format_line(Format shape, Time wall, Level level, std::string_view message,
                        std::span<const Item> items) {
  std::string line;
  line.reserve(160);
  if (shape == Format::Text) {
    line += format_time(wall);
    line += ' ';
    line += name_of(level);
    line += ' ';
    append_utf8(line, message, Quotes::None);
    for (const Item& item : items) {
      line += ' ';
      line += item.key;
      line += '=';
      append_text_value(line, item.value);
    }
  } else {
    line += "{\"ts\":\"" + format_time(wall) + "\",\"level\":\"";
    line += name_of(level);
    line += "\",\"msg\":";
    append_json_string(line, message);
    for (const Item& item : items) {
      line += ',';
      append_json_string(line, item.key);
      line += ':';
      append_json_string(line, item.value);
    }
    line += '}';
  }
  line += '\n';
  return line;
}

std::string format_time(Time wall) {
  const std::chrono::sys_time<std::chrono::nanoseconds> moment{std::chrono::nanoseconds(wall)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const auto milliseconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(moment - day).count());
  std::string out;
  append_digits(out, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, milliseconds / 3'600'000, 2);
  out += ':';
  append_digits(out, milliseconds / 60'000 % 60, 2);
  out += ':';
  append_digits(out, milliseconds / 1'000 % 60, 2);
  out += '.';
  append_digits(out, milliseconds % 1'000, 3);
  out += 'Z';
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_utf8(out, text, Quotes::Around);
  out += '"';
}

}  // namespace engine::base::log
