// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/listen.h"

#include <unistd.h>

namespace engine::route {

Listen::~Listen() {
  for (const int socket : sockets_) ::close(socket);
}

}  // namespace engine::route
