// SPDX-License-Identifier: GPL-3.0-or-later
// Columns of text, aligned, without borders. It must not know where it is shown.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace engine::cli {

class Table {
 public:
  using Row = std::vector<std::string>;

  explicit Table(Row header);

  // As many cells as the header has. An empty cell is shown as "-".
  void add(Row row);

  [[nodiscard]] bool empty() const { return rows_.size() == 1; }

  // A line for each row, the header first. Not wider than `columns` (0: as wide as it gets): the
  // widest columns are cut, but each keeps 8.
  [[nodiscard]] std::string render(std::size_t columns) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t columns) const;

  std::vector<Row> rows_;
};

}  // namespace engine::cli
