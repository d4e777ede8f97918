// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded into a process, it counts every thread's heap allocations in a file that others map: the path is in
// COUNT_MALLOC_FILE. Each thread has one slot, in the order of its first allocation. Needs glibc.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kSlotCount = 256 };

struct slot {
  uint64_t thread;  // its kernel id
  uint64_t allocations;
};

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

static struct slot spare[kSlotCount];  // until the file is mapped
static struct slot* slots = spare;
static uint32_t slots_used;
static __thread struct slot* mine __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void map_file(void) {
  const char* path = getenv("COUNT_MALLOC_FILE");
  const int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file < 0 || ftruncate(file, sizeof spare) != 0) _exit(120);
  void* mapped = mmap(NULL, sizeof spare, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) _exit(121);
  slots = mapped;
  slots_used = 0;
  mine = NULL;
}

static void count(void) {
  if (mine == NULL) {
    const uint32_t index = __atomic_fetch_add(&slots_used, 1, __ATOMIC_RELAXED);
    if (index >= kSlotCount) _exit(122);
    mine = &slots[index];
    mine->thread = (uint64_t)syscall(SYS_gettid);
  }
  ++mine->allocations;
}

void* malloc(size_t bytes) {
  count();
  return __libc_malloc(bytes);
}

void* calloc(size_t number, size_t bytes) {
  count();
  return __libc_calloc(number, bytes);
}

void* realloc(void* memory, size_t bytes) {
  count();
  return __libc_realloc(memory, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}

void* memalign(size_t alignment, size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  count();
  *memory = __libc_memalign(alignment, bytes);
  return *memory == NULL ? 12 : 0;
}
