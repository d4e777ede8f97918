// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/library.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

namespace tls {

std::string_view library_version() { return wolfSSL_lib_version(); }

}  // namespace tls
