// SPDX-License-Identifier: GPL-3.0-or-later
// Whole handshakes in memory, both ends on the same thread: what a connection costs besides I/O.
#include <benchmark/benchmark.h>

#include <array>
#include <ctime>
#include <memory>
#include <string>

#include "engine/base/buffer.h"
#include "engine/base/check.h"
#include "tls/authority.h"
#include "tls/context.h"
#include "tls/session.h"
#include "tls/tickets.h"

namespace tls {
namespace {

using engine::base::BlockPool;
using engine::base::Buffer;

constexpr std::string_view kName = "app.localhost";

// What all workers share.
struct Contexts {
  std::shared_ptr<const Context> server, client;
  std::shared_ptr<const TicketKeys> tickets = TicketKeys::make(nullptr);

  static const Contexts& shared() {
    static const Contexts made;
    return made;
  }

 private:
  Contexts() {
    const Authority authority = *Authority::create(std::time(nullptr));
    const Pair pair = *authority.issue(kName, std::time(nullptr));
    ClientOptions options;
    options.ca_pem = authority.pair().chain_pem;
    server = *Context::server(pair.chain_pem, pair.key_pem, Version::Tls12);
    client = *Context::client(options);
  }
};

void pass(Buffer& from, Session& to) {
  std::array<char, 4096> plaintext;
  to.feed(from.view());
  while (to.read(plaintext) != 0) continue;
  from.clear();
}

// From the client's first message to both ends' last; gives what the client may resume.
Resumption shake_hands(BlockPool& pool, const Resumption* resume) {
  const Contexts& contexts = Contexts::shared();
  Buffer to_client{pool}, to_server{pool};
  Session server(contexts.server, contexts.tickets, "http/1.1", kName, to_client);
  Session client(contexts.client, nullptr, "http/1.1", kName, to_server, resume);
  while (!to_server.empty() || !to_client.empty()) {
    pass(to_server, server);
    pass(to_client, client);
  }
  ENSURE(server.established() && client.established(), "the handshake failed");
  ENSURE(server.resumed() == (resume != nullptr), "resumed or not, against what was wanted");
  return client.take_resumption();
}

void full_handshake(benchmark::State& state) {
  BlockPool pool;
  for (auto _ : state) benchmark::DoNotOptimize(shake_hands(pool, nullptr));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(full_handshake)->ThreadRange(1, 2)->UseRealTime();

void resumed_handshake(benchmark::State& state) {
  BlockPool pool;
  const Resumption first = shake_hands(pool, nullptr);
  for (auto _ : state) benchmark::DoNotOptimize(shake_hands(pool, &first));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(resumed_handshake)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace tls
