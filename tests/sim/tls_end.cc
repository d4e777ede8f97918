// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/tls_end.h"

#include <algorithm>
#include <array>

#include "tests/sim/identity.h"

namespace sim {
namespace {

constexpr std::size_t kRecordMost = 16384;

}  // namespace

TlsEnd::TlsEnd(Kernel& kernel, Peer wire, std::shared_ptr<const tls::Context> context,
               std::string_view server_name, std::string_view protocols)
    : kernel_(kernel),
      wire_(std::move(wire)),
      session_(std::move(context), identity().ticket_keys, protocols, server_name, out_) {
  kernel.add(*this);
}

bool TlsEnd::turn() {
  const bool shakes = session_.state() == tls::Session::State::Handshake;
  const bool received = shakes && receive();
  return flush() || received;
}

bool TlsEnd::receive() {
  const std::string bytes = wire_.read(kRecordMost);
  session_.feed(bytes);
  std::array<char, kRecordMost> buffer;
  while (const std::size_t count = session_.read(buffer)) plaintext_.append(buffer.data(), count);
  return !bytes.empty();
}

bool TlsEnd::flush() {
  bool moved = false;
  while (const std::size_t count = wire_.write(out_.view())) {
    out_.consume(count);
    moved = true;
  }
  if (!out_.empty() || ending_ == Ending::None) return moved;
  ending_ == Ending::Close ? wire_.close() : wire_.finish();
  ending_ = Ending::None;
  return true;
}

std::size_t TlsEnd::write(std::string_view bytes) {
  flush();
  if (!session_.established() || !out_.empty() || bytes.empty()) return 0;
  const std::size_t count = std::min(bytes.size(), kRecordMost);
  session_.write(bytes.substr(0, count));
  flush();
  return count;
}

std::string TlsEnd::read(std::size_t most) {
  while (plaintext_.size() < most && receive()) {
  }
  flush();
  std::string bytes = plaintext_.substr(0, most);
  plaintext_.erase(0, bytes.size());
  return bytes;
}

bool TlsEnd::is_broken() const {
  return session_.state() == tls::Session::State::Failed || wire_.was_reset() ||
         (wire_.at_end() && !ended());
}

void TlsEnd::finish() {
  session_.close();
  ending_ = Ending::Finish;
  flush();
}

void TlsEnd::close() {
  if (wire_.readable() > 0) return wire_.close();
  session_.close();
  ending_ = Ending::Close;
  flush();
}

void TlsEnd::cut() {
  out_.clear();
  wire_.close();
}

void TlsEnd::garble() {
  if (!session_.established()) return wire_.reset();
  Random& random = kernel_.random();
  if (out_.empty()) session_.write(std::string(random.between(1, 100), 'x'));
  std::string damaged(out_.view());
  damaged[random.below(damaged.size())] ^= static_cast<char>(1U << random.below(8));
  out_.clear();
  out_.append(damaged);
  flush();
}

}  // namespace sim
