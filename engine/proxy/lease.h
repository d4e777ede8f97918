// SPDX-License-Identifier: GPL-3.0-or-later
// A stream's hold on a connection to its target: all of it for HTTP/1, one stream of it for HTTP/2.
// It ends with release() or discard(), which give it up.
#pragma once

namespace engine::proxy {

class Channel;

class Lease {
 public:
  [[nodiscard]] virtual Channel& channel() = 0;
  // Whether the connection served others before: it may have been closed by the target meanwhile.
  [[nodiscard]] virtual bool reused() const = 0;
  // The exchange is complete, and the connection may serve others.
  virtual void release() = 0;
  // The exchange ended early. `reset`: the target must see that at once.
  virtual void discard(bool reset) = 0;

 protected:
  ~Lease() = default;
};

}  // namespace engine::proxy
