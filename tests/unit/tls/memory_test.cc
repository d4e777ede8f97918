// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/memory.h"

#include <gtest/gtest.h>
#include <malloc.h>

// wolfSSL's own options come first.
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/memory.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/buffer.h"
#include "tls/authority.h"
#include "tls/context.h"
#include "tls/session.h"

namespace tls {
namespace {

TEST(TlsMemoryPool, a_released_block_is_reused_for_its_size_and_the_hottest_first) {
  MemoryPool pool;
  void* const first = pool.allocate(1000);
  void* const second = pool.allocate(1000);
  pool.release(first);
  pool.release(second);

  void* const other_size = pool.allocate(2000);
  EXPECT_TRUE(other_size != first && other_size != second);
  EXPECT_EQ(pool.allocate(1000), second);
  EXPECT_EQ(pool.allocate(1000), first);
  EXPECT_EQ(pool.statistics().allocated, 5U);
  EXPECT_EQ(pool.statistics().reused, 2U);
  for (void* const block : {first, second, other_size}) pool.release(block);
}

// A fresh one and a reused one.
TEST(TlsMemoryPool, a_block_has_the_bytes_asked_for_and_the_alignment_of_malloc) {
  MemoryPool pool;
  for (std::size_t bytes = 0; bytes <= MemoryPool::kBlockBytesMax + 100; bytes += 1 + bytes / 50) {
    for (int round = 0; round < 2; ++round) {
      void* const block = pool.allocate(bytes);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0U) << bytes;
      std::memset(block, 'x', bytes);  // AddressSanitizer looks
      pool.release(block);
    }
  }
}

// The most that rounding up costs, and that a block never goes to who asks for more than it has.
TEST(TlsMemoryPool, a_block_serves_what_is_not_larger_and_little_smaller) {
  for (std::size_t bytes = 0; bytes <= MemoryPool::kBlockBytesMax; bytes += 1 + bytes / 50) {
    MemoryPool pool;
    pool.release(pool.allocate(bytes));
    const std::size_t kept = pool.statistics().kept_bytes;
    EXPECT_GE(kept, bytes);
    EXPECT_LE(kept, bytes + std::max<std::size_t>(40, bytes / 15));

    std::free(pool.allocate(kept + 1));
    EXPECT_EQ(pool.statistics().reused, 0U) << bytes;
    std::free(pool.allocate(kept));
    EXPECT_EQ(pool.statistics().reused, 1U) << bytes;
  }
}

TEST(TlsMemoryPool, a_size_of_0_is_a_block_like_others) {
  MemoryPool pool;
  void* const block = pool.allocate(0);
  ASSERT_NE(block, nullptr);
  void* const grown = pool.resize(nullptr, 0);
  ASSERT_NE(grown, nullptr);
  EXPECT_NE(block, grown);
  void* const shrunk = pool.resize(pool.allocate(5000), 0);
  ASSERT_NE(shrunk, nullptr);
  for (void* const each : {block, grown, shrunk}) pool.release(each);
  pool.release(nullptr);
}

TEST(TlsMemoryPool, resizing_keeps_the_content_and_releases_the_old_block) {
  MemoryPool pool;
  const std::string text = "what was written before";
  for (const std::size_t from : {text.size(), std::size_t{5000}, std::size_t{100'000}}) {
    for (const std::size_t to : {text.size(), std::size_t{6000}, std::size_t{200'000}}) {
      void* const block = pool.allocate(from);
      std::memcpy(block, text.data(), text.size());
      void* const resized = pool.resize(block, to);
      EXPECT_EQ(std::string(static_cast<char*>(resized), text.size()), text) << from << ' ' << to;
      pool.release(resized);
    }
  }

  void* const old = pool.allocate(700);
  void* const larger = pool.resize(old, 3000);
  EXPECT_EQ(pool.allocate(700), old);
  EXPECT_EQ(pool.resize(larger, 2999), larger);
  for (void* const block : {old, larger}) pool.release(block);
}

TEST(TlsMemoryPool, what_cannot_be_had_leaves_the_old_block_alone) {
  if (!kMemoryIsPooled) GTEST_SKIP() << "sanitizers end programs that ask for so much";
  MemoryPool pool;
  void* const block = pool.allocate(20);
  std::memset(block, 'x', 20);

  for (const std::size_t too_much : {SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX}) {
    EXPECT_EQ(pool.allocate(too_much), nullptr);
    EXPECT_EQ(pool.resize(block, too_much), nullptr);
  }
  EXPECT_EQ(static_cast<char*>(block)[19], 'x');
  pool.release(block);
}

TEST(TlsMemoryPool, a_size_is_kept_up_to_its_bound_and_the_surplus_goes_back) {
  MemoryPool pool;
  pool.release(pool.allocate(4000));
  const std::size_t each = pool.statistics().kept_bytes;
  const std::size_t fit = MemoryPool::kKeptBytesMax / each;
  std::vector<void*> blocks(fit + 1);
  for (void*& block : blocks) block = pool.allocate(4000);

  for (std::size_t count = 1; count <= fit; ++count) {
    pool.release(blocks[count - 1]);
    EXPECT_EQ(pool.statistics().kept_bytes, count * each);
  }
  pool.release(blocks[fit]);
  EXPECT_EQ(pool.statistics().kept_bytes, fit * each);

  pool.release(pool.allocate(2000));
  EXPECT_GT(pool.statistics().kept_bytes, fit * each) << "sizes have bounds of their own";
}

TEST(TlsMemoryPool, blocks_above_the_largest_size_are_not_kept) {
  MemoryPool pool;
  pool.release(pool.allocate(MemoryPool::kBlockBytesMax));
  EXPECT_EQ(pool.statistics().kept_bytes, MemoryPool::kBlockBytesMax);
  pool.release(pool.allocate(3 * MemoryPool::kBlockBytesMax));
  EXPECT_EQ(pool.statistics().kept_bytes, MemoryPool::kBlockBytesMax);
}

TEST(TlsMemoryPool, a_block_stays_with_the_thread_that_released_it) {
  MemoryPool ours;
  void* const block = ours.allocate(500);
  std::thread([&] {
    MemoryPool theirs;
    theirs.release(block);
    EXPECT_EQ(theirs.allocate(500), block);
    theirs.release(block);
  }).join();
  EXPECT_EQ(ours.statistics().kept_bytes, 0U);
}

// ---- wolfSSL's ----------------------------------------------------------------------------------

struct Contexts {
  std::shared_ptr<const Context> server, client;
  std::shared_ptr<const TicketKeys> tickets = TicketKeys::make(nullptr);

  Contexts() {
    const Authority authority = *Authority::create(std::time(nullptr));
    const Pair pair = *authority.issue("app.localhost", std::time(nullptr));
    ClientOptions options;
    options.ca_pem = authority.pair().chain_pem;
    server = *Context::server(pair.chain_pem, pair.key_pem, Version::Tls13);
    client = *Context::client(options);
  }
};

struct Talk {
  explicit Talk(const Contexts& contexts)
      : server(contexts.server, contexts.tickets, "http/1.1", "app.localhost", to_client),
        client(contexts.client, nullptr, "http/1.1", "app.localhost", to_server) {
    carry();
  }

  void carry() {
    while (!to_server.empty() || !to_client.empty()) {
      pass(to_server, server);
      pass(to_client, client);
    }
  }
  static void pass(engine::base::Buffer& from, Session& to) {
    std::array<char, 1000> plaintext;
    to.feed(from.view());
    while (to.read(plaintext) != 0) continue;
    from.clear();
  }

  engine::base::BlockPool pool;
  engine::base::Buffer to_client{pool}, to_server{pool};
  Session server, client;
};

class TlsMemory : public testing::Test {
 protected:
  void SetUp() override {
    if (!kMemoryIsPooled) GTEST_SKIP() << "sanitizers have the heap for themselves";
  }

  const Contexts contexts;
};

TEST_F(TlsMemory, a_handshake_lives_on_what_the_thread_kept_of_the_one_before) {
  for (int warming = 0; warming < 3; ++warming) ASSERT_TRUE(Talk(contexts).server.established());

  const MemoryPool::Statistics before = memory_statistics();
  ASSERT_TRUE(Talk(contexts).server.established());
  const MemoryPool::Statistics after = memory_statistics();

  EXPECT_GT(after.allocated, before.allocated + 50);
  // A signature may be a byte longer than those before it.
  EXPECT_GE(after.reused - before.reused + 3, after.allocated - before.allocated);
}

TEST_F(TlsMemory, sessions_that_wait_have_given_back_the_blocks_of_their_records) {
  constexpr std::size_t kRecordBytes = 16 * 1024 + 100;
  std::thread([&] {  // with a pool that nobody has used
    Talk talk(contexts);
    const std::string large(64 * 1024, 'x');
    talk.client.write(large);
    talk.server.write(large);
    talk.carry();

    const std::uint64_t before = memory_statistics().reused;
    void* const block = wolfSSL_Malloc(kRecordBytes);
    EXPECT_EQ(memory_statistics().reused, before + 1);
    wolfSSL_Free(block);
  })
      .join();
}

// Freed before and after the thread's pool has gone.
TEST_F(TlsMemory, a_thread_leaves_no_block_behind) {
  struct Late {
    ~Late() {
      block = wolfSSL_Realloc(block, 20'000);
      wolfSSL_Free(block);
    }
    void* block = nullptr;
  };
  constexpr std::size_t kThreads = 100;

  const std::size_t before = ::mallinfo2().uordblks;
  for (std::size_t made = 0; made < kThreads; ++made) {
    std::thread([] {
      thread_local Late late;  // older than the pool, so it goes later
      late.block = nullptr;
      late.block = wolfSSL_Malloc(10'000);
      wolfSSL_Free(wolfSSL_Malloc(20'000));
    }).join();
  }
  EXPECT_LT(::mallinfo2().uordblks, before + kThreads * 1000);
}

TEST_F(TlsMemory, the_last_holder_of_a_context_may_be_another_thread) {
  auto made = std::make_unique<Contexts>();
  std::thread([&] {
    EXPECT_TRUE(Talk(*made).client.established());
    const std::size_t before = memory_statistics().kept_bytes;
    made.reset();
    EXPECT_GT(memory_statistics().kept_bytes, before);
  }).join();
}

}  // namespace
}  // namespace tls
