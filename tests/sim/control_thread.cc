// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/control_thread.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstdlib>
#include <filesystem>

#include "config/load.h"
#include "engine/base/log.h"
#include "tests/sim/ring_sim.h"

// Takes the place of the real one by the linker's --wrap.
extern "C" int __real_getsockname(int descriptor, sockaddr* address, socklen_t* length);

namespace sim {
namespace {

namespace fs = std::filesystem;

constexpr io::RingOptions kRing = {
    .entries = 64, .completions = 256, .buffer_count = 8, .buffer_bytes = 4096};
constexpr std::uint16_t kPort = 80;

// A state is written with every change: in memory, where there is such a place.
std::string folder_pattern() {
  const fs::path memory = "/dev/shm";
  return ((fs::exists(memory) ? memory : fs::temp_directory_path()) / "engine-sim-XXXXXX").string();
}

config::Config config_of(const std::string& toml) {
  config::Result result =
      config::load_text("listen = \"127.0.0.1:" + std::to_string(kPort) + "\"\n" + toml,
                        "proxy.toml", config::Environment::empty());
  EXPECT_TRUE(result.ok()) << config::render(result.diagnostics, config::Color::Never);
  return std::move(result.config);
}

}  // namespace

extern "C" int __wrap_getsockname(int descriptor, sockaddr* address, socklen_t* length) {
  if (!Kernel::simulates() || !Kernel::current().is_listener(descriptor))
    return __real_getsockname(descriptor, address, length);
  auto& ip = *reinterpret_cast<sockaddr_in*>(address);
  ip = {.sin_family = AF_INET,
        .sin_port = htons(kPort),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
        .sin_zero = {}};
  *length = sizeof ip;
  return 0;
}

ControlThread::Folder::Folder() : path(folder_pattern()) {
  EXPECT_NE(::mkdtemp(path.data()), nullptr);
}

ControlThread::Folder::~Folder() { fs::remove_all(path); }

ControlThread::ControlThread(Parts parts, const std::string& toml)
    : kernel_(parts.kernel),
      ring_(*io::Ring::open(kRing)),
      timers_(ring_->now()),
      listeners_(1, [&published = parts.published] { published.collect(); }),
      resolver_(*ring_, timers_, {}, [this] { state_.refresh_addresses(); }),
      certificates_(folder_.path),
      state_({*ring_, timers_, parts.published, listeners_, resolver_, certificates_, target_tls_,
              parts.notify_workers}),
      operations_({*ring_, timers_, state_, resolver_, target_tls_, parts.mailboxes, folder_.path,
                   parts.notify_workers, [](const std::string&) {}}) {
  if (std::getenv("SIM_TRACE") == nullptr) base::log::set_sink([](std::string_view) {});
  listeners_.inherit(kernel_.listeners());
  EXPECT_TRUE(operations_.services.restore());
  std::vector<config::Diagnostic> diagnostics;
  const auto adopted = state_.adopt(config_of(toml), diagnostics);
  EXPECT_TRUE(adopted) << adopted.error().message;
  kernel_.add(*this);
}

ControlThread::~ControlThread() {
  kernel_.remove(*this);
  base::log::set_sink(nullptr);
}

void ControlThread::close() {
  resolver_.close();
  operations_.scope.cancel();
}

bool ControlThread::closed() const {
  return operations_.scope.empty() && resolver_.closed() && ring_figures(*ring_).requests == 0;
}

// As the loop of control::Control, but nobody waits here: the time to wait for is wakes(). Whoever runs the kernel
// looks what has become of it.
bool ControlThread::turn() {
  if (kernel_.random().chance(kernel_.faults().slow_completion)) return true;
  ring_->submit_and_wait(kernel_.now());
  const bool due = timers_.next_deadline() <= ring_->now();
  const unsigned count = ring_->dispatch();
  timers_.advance(ring_->now());
  if (due || count > 0) kernel_.interrupt_at(kernel_.now());
  return due || count > 0 || ring_figures(*ring_).busy;
}

}  // namespace sim
