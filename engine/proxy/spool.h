// SPDX-License-Identifier: GPL-3.0-or-later
// A body that is gathered before it goes on: a channel that is a sink first and a source afterwards.
// Its beginning is in memory; what is more than that goes through an unnamed temporary file. It must
// not know whose body it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/http/head.h"
#include "engine/io/operation.h"
#include "engine/proxy/channel.h"

namespace engine::proxy {

class Stream;
class Worker;

// Doing    waits for                            ends by
// Nothing  bytes, or somebody to read them      Opening, Writing, Reading, Closing
// Opening  the file                             Writing
// Writing  a piece to be in the file            Writing (the rest, the next), Nothing
// Reading  a piece of the file                  Nothing
// Closing  the kernel to take the file back     the end
// The disk's refusal is send_failed(). Owned by the worker; the kernel may have its memory for longer
// than its stream lives.
class Spool final : public Channel {
 public:
  // `memory_max`: bytes that stay in memory. Beside them there are at most two pieces on their way.
  Spool(Worker& worker, Stream& stream, std::uint64_t memory_max);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool();

  // The stream needs it no more, and hears of nothing.
  void release();
  struct Releaser {
    void operator()(Spool* spool) const { spool->release(); }
  };

  // Content so far.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // All of it is here, and can be read. `stream` hears of it in on_spool(), as it does when a sink
  // that was stuck takes more, bytes can be read, or the disk failed.
  [[nodiscard]] bool complete() const { return finished_ && doing_ == Doing::Nothing; }
  // Why the disk failed: an errno.
  [[nodiscard]] int failure() const { return send_error_; }

  // How its content is framed where messages have to say: only trailers need chunks.
  [[nodiscard]] http::Framing framing() const {
    return trailers_.empty() ? http::Framing::Length : http::Framing::Chunked;
  }

  // ---- Reading, once it is complete: from the beginning, as often as is wished.
  void rewind();
  // Bytes that are here to be taken by take_kept(). None before the end: ask by want_bytes().
  [[nodiscard]] std::string_view at_hand() const;

  // As Channel has them.
  [[nodiscard]] Connection* raw() override { return nullptr; }
  [[nodiscard]] Spool* spool() override { return this; }
  [[nodiscard]] bool is_open() const override { return stream_ != nullptr; }
  void want_bytes() override;
  void take_kept(std::size_t count) override;
  [[nodiscard]] std::string_view trailers() const override { return trailers_; }
  void written() override;
  void head_written(std::size_t bytes, Head head) override;
  void write_large(std::string_view bytes) override;
  void finish_writing(std::string_view trailers = {}) override;

 private:
  enum class Doing : std::uint8_t { Nothing, Opening, Writing, Reading, Closing };

  std::string_view keep_in_memory(std::string_view bytes);
  void spill();
  void write_on();
  void on_completion(const io::Completion& completion);
  void on_opened(int result);
  void on_written(int result);
  void on_read(int result);
  void fail(int error);
  void end();
  // Bytes that are read from memory, from the file, and from out(), in this order.
  [[nodiscard]] std::uint64_t file_end() const { return memory_bytes_ + file_bytes_; }

  Worker& worker_;
  Stream* stream_;
  std::uint64_t memory_max_;
  std::vector<base::Buffer> pieces_;  // in memory: all full but the last
  base::Buffer spilling_;             // on its way into the file
  io::Operation operation_{io::On<&Spool::on_completion>{}, this};
  std::string trailers_;
  std::uint64_t size_ = 0;
  std::uint64_t memory_bytes_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t read_at_ = 0;
  int file_ = -1;
  Doing doing_ = Doing::Nothing;
  bool finished_ = false;
  bool rewound_ = false;  // what is being read is no longer wanted
};

using SpoolPtr = std::unique_ptr<Spool, Spool::Releaser>;

}  // namespace engine::proxy
