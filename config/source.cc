// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "config/text.h"

namespace config {
namespace {

// The deepest key of proxy.toml has six levels.
constexpr std::size_t kNestingMax = 64;

// Follows just enough of TOML's grammar to know how deep each place is: strings and comments are
// skipped, brackets and the dots of keys are counted.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark
  }

  std::optional<TextProblem> first_problem() {
    while (at_ < text_.size()) {
      std::size_t start = at_;
      if (static_cast<unsigned char>(text_[at_]) >= 0x80) {
        std::string_view letter = text_.substr(at_, utf8_length(text_, at_));
        return TextProblem{place_of(text_, start),
                           fmt::format("not valid TOML: {} outside of a string", in_quotes(letter)),
                           "write the name or value in quotes"};
      }
      step();
      if (depth_ > kNestingMax) {
        return TextProblem{place_of(text_, start), "tables are nested too deeply", {}};
      }
    }
    return std::nullopt;
  }

 private:
  void step() {
    char c = text_[at_];
    if (c == '"' || c == '\'') return skip_string(c);
    ++at_;
    if (c == '#') skip_comment();
    if (c == '.') add_level();
    if (c == '[' || c == '{') open();
    if (c == ']' || c == '}') close();
    if (c == ',' || c == '\n') end_element();
  }

  void add_level() {
    ++levels_.back();
    ++depth_;
  }

  void open() {
    levels_.push_back(1);
    ++depth_;
  }

  void close() {
    if (levels_.size() == 1) return;
    depth_ -= levels_.back();
    levels_.pop_back();
  }

  // The dots of one key do not add to those of its neighbour.
  void end_element() {
    std::size_t base = levels_.size() == 1 ? 0 : 1;
    depth_ -= levels_.back() - base;
    levels_.back() = base;
  }

  void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  void skip_string(char quote) {
    bool multi_line = text_.substr(at_).starts_with(std::string(3, quote));
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '\\' && quote == '"') {
        at_ = std::min(at_ + 2, text_.size());
      } else if (!multi_line && c == '\n') {
        return;
      } else if (c == quote && (!multi_line || ends_here(quote))) {
        at_ += multi_line ? 3 : 1;
        return;
      } else {
        ++at_;
      }
    }
  }

  // Up to two quotes may stand directly before the closing three.
  bool ends_here(char quote) const {
    std::string_view rest = text_.substr(at_);
    return rest.starts_with(std::string(3, quote)) && !rest.starts_with(std::string(4, quote));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;               // sum of levels_
  std::vector<std::size_t> levels_{0};  // per open bracket: itself and the dots of its element
};

}  // namespace

std::string_view Source::line(uint32_t number) const {
  if (line_starts_.empty()) {
    line_starts_.push_back(0);
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\n') line_starts_.push_back(i + 1);
    }
  }
  if (number == 0 || number > line_starts_.size()) return {};
  std::string_view rest = text().substr(line_starts_[number - 1]);
  std::string_view found = rest.substr(0, rest.find('\n'));
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

TextPlace place_of(std::string_view text, std::size_t offset) {
  std::string_view before = text.substr(0, offset);
  TextPlace place;
  place.line += static_cast<uint32_t>(std::ranges::count(before, '\n'));
  std::size_t line_start = before.rfind('\n');
  if (line_start != std::string_view::npos) before.remove_prefix(line_start + 1);
  place.column += static_cast<uint32_t>(std::ranges::count_if(
      before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  return place;
}

std::optional<TextProblem> find_unparsable(std::string_view text) {
  return Scan(text).first_problem();
}

}  // namespace config
