// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "engine/base/clock.h"

namespace engine::control {
namespace {

constexpr std::size_t kBytesMax = std::size_t{256} << 20U;

// The text; nothing when there is no such file; or why it cannot be read.
std::expected<std::optional<std::string>, std::string> read(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return std::nullopt;
  if (file < 0) return std::unexpected(path + ": " + std::strerror(errno));
  std::string text;
  for (;;) {
    const std::size_t before = text.size();
    text.resize(before + (std::size_t{1} << 16U));
    const ssize_t got = ::read(file, text.data() + before, text.size() - before);
    const int error = errno;
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0 && text.size() <= kBytesMax) continue;
    ::close(file);
    if (got < 0) return std::unexpected(path + ": " + std::strerror(error));
    if (text.size() > kBytesMax) return std::unexpected(path + ": larger than 256 MiB");
    return text;
  }
}

std::expected<Runtime, std::string> parse(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::unexpected("not JSON");
  return runtime_of(json);
}

std::unexpected<std::string> failure(const std::string& what) {
  return std::unexpected(what + ": " + std::strerror(errno));
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// A rename is only as lasting as the folder's own entry.
bool sync_folder(const std::string& directory) {
  const int folder = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  const bool synced = ::fsync(folder) == 0;
  ::close(folder);
  return synced;
}

}  // namespace

StateFile::StateFile(std::string directory) : directory_(std::move(directory)) {}

std::expected<StateFile::Loaded, std::string> StateFile::load() {
  const auto text = read(path());
  if (!text) return std::unexpected(text.error());
  if (!*text) return Loaded{};
  auto runtime = parse(**text);
  if (runtime) return Loaded{.runtime = std::move(*runtime), .problem = {}};

  const std::string aside = path() + ".broken-" + std::to_string(base::wall_now() / base::kSecond);
  if (std::rename(path().c_str(), aside.c_str()) != 0)
    return std::unexpected(path() + " is broken (" + runtime.error() +
                           ") and cannot be set aside: " + std::strerror(errno));
  Loaded loaded{.runtime = {},
                .problem = path() + " is broken (" + runtime.error() + "); it is kept as " + aside};
  const auto previous = read(previous_path());
  auto before = previous && *previous
                    ? parse(**previous)
                    : std::expected<Runtime, std::string>(std::unexpected("none"));
  loaded.problem += before ? "; the state before the last change is in force"
                           : "; the engine starts without deployed services";
  if (before) loaded.runtime = std::move(*before);
  return loaded;
}

std::expected<void, std::string> StateFile::write_new(const std::string& text) {
  const std::string fresh = path() + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return failure(fresh);
  on_step(Step::Created);
  bool done = write_all(file, text);
  if (done) on_step(Step::Written);
  done = done && ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  errno = error;
  if (!done) {
    auto failed = failure(fresh);
    ::unlink(fresh.c_str());
    return failed;
  }
  on_step(Step::Synced);
  return {};
}

void StateFile::make_directory() const {
  std::error_code ignored;  // whoever writes there says what is wrong
  if (std::filesystem::create_directories(directory_, ignored)) ::chmod(directory_.c_str(), 0700);
}

std::expected<void, std::string> StateFile::save(const Runtime& runtime) {
  make_directory();
  if (auto written = write_new(to_json(runtime).dump(1) + "\n"); !written) return written;
  // The file in force is there at every moment: the previous one is a second name of it.
  ::unlink(previous_path().c_str());
  if (::link(path().c_str(), previous_path().c_str()) != 0 && errno != ENOENT)
    return failure(previous_path());
  on_step(Step::PreviousKept);
  if (std::rename((path() + ".new").c_str(), path().c_str()) != 0) return failure(path());
  on_step(Step::Renamed);
  if (!sync_folder(directory_)) return failure(directory_);
  return {};
}

}  // namespace engine::control
