// SPDX-License-Identifier: GPL-3.0-or-later
// Appends head lines to a fixed piece of memory; what does not fit makes the whole result 0. It
// writes what it is told and knows no rule about fields, except how the configuration's edits
// apply.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "engine/http/rules.h"

namespace engine::http {

class HeadWriter {
 public:
  HeadWriter(std::span<char> out, std::span<const FieldEdit> edits) noexcept
      : begin_(out.data()), at_(out.data()), end_(out.data() + out.size()), edits_(edits) {}

  void text(std::string_view text) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < text.size()) {
      full_ = true;
      return;
    }
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  void number(std::uint64_t value) noexcept {
    const std::to_chars_result result = std::to_chars(at_, end_, value);
    if (result.ec != std::errc()) {
      full_ = true;
      return;
    }
    at_ = result.ptr;
  }

  // A line of the parsed head as it is. Lines that follow each other there are copied in one go.
  void copy(const Field& field) noexcept {
    if (!field.verbatim) {
      flush();
      line(field.name, field.value);
      return;
    }
    const char* const line_end = field.value.data() + field.value.size() + 2;
    if (run_.data() + run_.size() != field.name.data()) {
      flush();
      run_ = {field.name.data(), 0};
    }
    run_ = {run_.data(), static_cast<std::size_t>(line_end - run_.data())};
  }

  // Ends what copy() has gathered; before anything else is written.
  void flush() noexcept {
    text(run_);
    run_ = {};
  }

  void line(std::string_view name, std::string_view value) noexcept {
    text(name);
    text(": ");
    text(value);
    text("\r\n");
  }

  void line(std::string_view name, std::uint64_t value) noexcept {
    text(name);
    text(": ");
    number(value);
    text("\r\n");
  }

  // Whether an edit replaces or removes this field.
  [[nodiscard]] bool edited(std::string_view name) const noexcept {
    return !edits_.empty() && edited_slowly(name);
  }

  // Lines of the edits that set something. Last, as defaults look at what was written.
  void edits(const Places& places) noexcept {
    if (!edits_.empty()) write_edits(places);
  }

  // "name: " and the values of all fields of that kind as one list. The caller goes on with the
  // separator, if any was written, and ends the line.
  bool joined(std::string_view name, std::span<const Field> fields, FieldName known,
              std::string_view separator) noexcept;

  [[nodiscard]] std::size_t finish() noexcept {
    text("\r\n");
    return full_ ? 0 : static_cast<std::size_t>(at_ - begin_);
  }

 private:
  [[nodiscard]] bool edited_slowly(std::string_view name) const noexcept;
  [[nodiscard]] bool written(std::string_view name) const noexcept;
  void write_edits(const Places& places) noexcept;

  char* begin_;
  char* at_;
  char* end_;
  std::string_view run_ = {};
  std::span<const FieldEdit> edits_;
  bool full_ = false;
};

// Whether the configuration may touch that field: not what frames a message or belongs to a
// connection.
[[nodiscard]] bool may_be_edited(std::string_view name) noexcept;

}  // namespace engine::http
