// SPDX-License-Identifier: GPL-3.0-or-later
// The known word somebody probably meant. Called only when there is an error to explain.
#pragma once

#include <span>
#include <string_view>

namespace config {

// The nearest of `known` within two typing mistakes (one for short words); empty when none is.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace config
