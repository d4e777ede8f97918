// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "config/text.h"
#include "engine/base/check.h"
#include "engine/cli/terminal.h"

namespace engine::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kWidthMin = 8;

}  // namespace

Table::Table(Row header) { rows_.push_back(std::move(header)); }

void Table::add(Row row) {
  ENSURE(row.size() == rows_.front().size(), "a cell for each column");
  for (std::string& cell : row) cell = cell.empty() ? "-" : printable(cell);
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(std::size_t columns) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], config::code_points(row[i]));
    }
  }
  const std::size_t gaps = kGap * (widths.size() - 1);
  while (columns != 0 && std::reduce(widths.begin(), widths.end()) + gaps > columns) {
    std::size_t& widest = *std::ranges::max_element(widths);
    if (widest <= kWidthMin) break;
    --widest;
  }
  return widths;
}

std::string Table::render(std::size_t columns) const {
  const std::vector<std::size_t> width = widths(columns);
  std::string page;
  for (const Row& row : rows_) {
    std::size_t blanks = 0;  // owed to the columns before; none end a line
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = shortened(row[i], width[i]);
      page.append(blanks, ' ') += cell;
      blanks = width[i] - config::code_points(cell) + kGap;
    }
    page += '\n';
  }
  return page;
}

}  // namespace engine::cli
