// SPDX-License-Identifier: GPL-3.0-or-later
// What a kernel knows beside its sockets: descriptors, pipes, listeners, the turn of the peers.
#include "tests/sim/kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace sim {
namespace {

thread_local Kernel* current_kernel = nullptr;

}  // namespace

Kernel::Kernel(std::uint64_t seed, const Faults& faults)
    : seed_(seed), random_(seed), faults_(faults) {
  current_kernel = this;
  tracing_ = std::getenv("SIM_TRACE") != nullptr;
}

Kernel::~Kernel() { current_kernel = nullptr; }

Kernel& Kernel::current() { return *current_kernel; }
bool Kernel::simulates() { return current_kernel != nullptr; }

void Kernel::violation(const std::string& what) {
  if (violated_) return;
  violated_ = true;
  ADD_FAILURE() << what << " (SIM_SEED=" << seed_ << ")";
}

void Kernel::trace(const char* what, int descriptor, std::int64_t value) {
  if (!tracing_) return;
  std::fprintf(stderr, "%9.3f ms  %-14s %d  %lld\n",
               static_cast<double>(now_ % (1'000 * base::kSecond)) / 1e6, what, descriptor,
               static_cast<long long>(value));
}

int Kernel::listen() {
  const int descriptor = next_descriptor_++;
  listeners_[descriptor];
  return descriptor;
}

std::vector<int> Kernel::listeners() const {
  std::vector<int> descriptors;
  for (const auto& [descriptor, listener] : listeners_) descriptors.push_back(descriptor);
  return descriptors;
}

Peer Kernel::connect(int listener) {
  auto socket = std::make_shared<Socket>();
  socket->state = Socket::State::Connected;
  socket->from_client = true;
  socket->port = next_client_port_++;
  size_buffers(*socket);
  Listener& listening = listeners_.at(listener);
  socket->peer_reset = listening.shut;
  if (!listening.shut) listening.backlog.push_back(socket);
  return {this, socket};
}

void Kernel::remove(Actor& actor) { std::erase(actors_, &actor); }

bool Kernel::run_actors() {
  if (actors_run_) return false;
  actors_run_ = true;
  std::vector<Actor*> order = actors_;
  random_.shuffle(order);
  bool busy = false;
  for (Actor* actor : order) busy = actor->turn() || busy;
  actors_run_ = false;
  return busy;
}

base::Time Kernel::next_wake() const {
  base::Time wake = base::kNever;
  for (const Actor* actor : actors_) wake = std::min(wake, actor->wakes());
  return wake;
}

std::size_t Kernel::open_client_sockets() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sockets_, [](const auto& each) { return each.second->from_client; }));
}

Socket* Kernel::find(int descriptor, const char* call) {
  const auto at = sockets_.find(descriptor);
  if (at != sockets_.end()) return at->second.get();
  violation(std::string(call) + " on a descriptor that is not open: " + std::to_string(descriptor));
  return nullptr;
}

PipeBuffer* Kernel::find_pipe(int descriptor, const char* call) {
  const auto at = pipes_.find(descriptor);
  if (at != pipes_.end()) return at->second.get();
  violation(std::string(call) + " on a pipe that is not open: " + std::to_string(descriptor));
  return nullptr;
}

bool Kernel::out_of_descriptors() {
  if (random_.chance(faults_.no_descriptors)) return true;
  return sockets_.size() + pipes_.size() + files_.size() >= faults_.descriptors_max;
}

bool Kernel::can_accept(int listener) const {
  const Listener& listening = listeners_.at(listener);
  return listening.shut || !listening.backlog.empty();
}

// Whoever waits to be accepted is refused.
void Kernel::shutdown_listener(int listener) {
  Listener& listening = listeners_.at(listener);
  listening.shut = true;
  for (const auto& socket : listening.backlog) socket->peer_reset = true;
  listening.backlog.clear();
}

int Kernel::accept(int listener) {
  if (listeners_.at(listener).shut) return -EINVAL;
  if (out_of_descriptors()) return -EMFILE;
  auto& backlog = listeners_.at(listener).backlog;
  std::shared_ptr<Socket> socket = backlog.front();
  backlog.erase(backlog.begin());
  socket->descriptor = next_descriptor_++;
  sockets_[socket->descriptor] = socket;
  return socket->descriptor;
}

int Kernel::open_socket() {
  if (out_of_descriptors()) return -EMFILE;
  auto socket = std::make_shared<Socket>();
  socket->descriptor = next_descriptor_++;
  size_buffers(*socket);
  sockets_[socket->descriptor] = socket;
  return socket->descriptor;
}

int Kernel::open_pipe(int& in, int& out) {
  if (out_of_descriptors()) return -EMFILE;
  auto pipe = std::make_shared<PipeBuffer>();
  pipe->capacity = faults_.small_buffers ? random_.between(4096, 16384) : 262144;
  out = next_descriptor_++;
  in = next_descriptor_++;
  pipes_[in] = pipes_[out] = pipe;
  return static_cast<int>(pipe->capacity);
}

void Kernel::close_pipe(int in, int out) {
  if (pipes_.erase(in) + pipes_.erase(out) != 2) violation("a pipe is closed that is not open");
}

std::size_t Kernel::disk_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [descriptor, file] : files_) bytes += file.bytes.size();
  return bytes;
}

int Kernel::open_file() {
  if (out_of_descriptors() || random_.chance(faults_.disk_fails)) return -EMFILE;
  files_[next_descriptor_];
  return next_descriptor_++;
}

File* Kernel::find_file(int descriptor, const char* call) {
  const auto at = files_.find(descriptor);
  if (at != files_.end()) return &at->second;
  violation(std::string(call) + " of a file that is not open: " + std::to_string(descriptor));
  return nullptr;
}

int Kernel::close_file(int descriptor) {
  const File* const file = find_file(descriptor, "close");
  if (file == nullptr) return -EBADF;
  if (file->operations > 0) violation("a file is closed while it is read or written");
  files_.erase(descriptor);
  return 0;
}

std::int64_t Kernel::read_file(File& file, std::span<char> into, std::uint64_t offset) {
  if (random_.chance(faults_.disk_fails)) return -EIO;
  if (random_.chance(faults_.not_now)) return -EINTR;
  if (offset >= file.bytes.size()) return 0;
  const std::size_t count = portion(std::min(into.size(), file.bytes.size() - offset));
  file.bytes.copy(into.data(), count, offset);
  return static_cast<std::int64_t>(count);
}

// A full disk takes what still fits, and refuses the rest.
std::int64_t Kernel::write_file(File& file, std::string_view bytes, std::uint64_t offset) {
  if (random_.chance(faults_.disk_fails)) return -EIO;
  if (random_.chance(faults_.not_now)) return -EINTR;
  if (offset != file.bytes.size()) violation("a file is written out of order");
  const std::size_t room = faults_.disk_bytes_max - std::min(faults_.disk_bytes_max, disk_bytes());
  if (room == 0) return -ENOSPC;
  const std::size_t count = portion(std::min(bytes.size(), room));
  file.bytes += bytes.substr(0, count);
  return static_cast<std::int64_t>(count);
}

void Kernel::size_buffers(Socket& socket) {
  const std::vector<std::size_t> sizes = faults_.small_buffers
                                             ? std::vector<std::size_t>{512, 2048, 4096, 16384}
                                             : std::vector<std::size_t>{16384, 65536, 262144};
  socket.inbound_max = random_.pick(sizes);
  socket.outbound_max = random_.pick(sizes);
  if (faults_.single_bytes) socket.inbound_max = socket.outbound_max = 1;
}

}  // namespace sim
