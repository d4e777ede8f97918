// SPDX-License-Identifier: GPL-3.0-or-later
// What the linked TLS library says about itself. Knows nothing of sessions or certificates.
#pragma once

#include <string_view>

namespace tls {

// The version wolfSSL reports at run time, for example "5.7.2".
std::string_view library_version();

}  // namespace tls
