// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "config/text.h"

namespace engine::cli {
namespace {

constexpr std::size_t kColumnsMin = 20;
constexpr std::size_t kColumnsUsual = 80;

}  // namespace

std::size_t columns_of(int descriptor) {
  if (::isatty(descriptor) != 1) return 0;
  winsize size{};
  const bool known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
  return known ? std::max<std::size_t>(size.ws_col, kColumnsMin) : kColumnsUsual;
}

std::string printable(std::string_view text) {
  std::string safe(text);
  std::ranges::replace_if(safe, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return safe;
}

std::string shortened(std::string_view text, std::size_t columns) {
  if (config::code_points(text) <= columns) return std::string(text);
  return std::string(text.substr(0, config::byte_of_column(text, columns))) + "…";
}

void print(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace engine::cli
