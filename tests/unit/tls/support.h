// SPDX-License-Identifier: GPL-3.0-or-later
// A folder that goes away, and commands run in it: the openssl program is who we are compared with.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tls::test {

namespace fs = std::filesystem;

// What verifies certificates besides us reads the real clock.
inline std::int64_t now() { return std::time(nullptr); }

struct Outcome {
  int status;
  std::string output;  // both streams
};

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "tls-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path(const fs::path& name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }
  void write(const fs::path& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const fs::path& name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // In the folder, by the shell.
  [[nodiscard]] Outcome run(const std::string& command) const {
    FILE* pipe = ::popen(("cd " + path() + " && { " + command + "; } 2>&1").c_str(), "r");
    std::string output;
    std::array<char, 4096> part{};
    while (std::size_t size = std::fread(part.data(), 1, part.size(), pipe)) {
      output.append(part.data(), size);
    }
    const int status = ::pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
  }

 private:
  fs::path path_;
};

}  // namespace tls::test
