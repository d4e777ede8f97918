// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/port_owner.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

namespace engine::control {
namespace {

namespace fs = std::filesystem;

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> words_of(std::string_view line) {
  std::istringstream stream{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool holds_one_of(const fs::path& descriptors, const std::set<std::string>& inodes) {
  std::error_code error;
  for (fs::directory_iterator at(descriptors, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    const std::string link = fs::read_symlink(at->path(), gone).string();
    if (gone || !link.starts_with("socket:[") || !link.ends_with(']')) continue;
    if (inodes.contains(link.substr(8, link.size() - 9))) return true;
  }
  return false;
}

std::string describe_process(const fs::path& process) {
  std::string name = read_whole(process / "comm");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return (name.empty() ? "a process" : name) + ", pid " + process.filename().string();
}

}  // namespace

// A line is "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ...".
std::set<std::string> listening_inodes(std::string_view table, std::uint16_t port) {
  constexpr std::string_view kListening = "0A";
  std::set<std::string> inodes;
  std::istringstream lines{std::string(table)};
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < 10 || words[3] != kListening) continue;
    const std::string& local = words[1];
    const std::size_t colon = local.rfind(':');
    if (colon == std::string::npos) continue;
    unsigned found = 0;
    const char* end = local.data() + local.size();
    const auto parsed = std::from_chars(local.data() + colon + 1, end, found, 16);
    if (parsed.ec == std::errc() && parsed.ptr == end && found == port) inodes.insert(words[9]);
  }
  return inodes;
}

std::string find_port_owner(std::uint16_t port) {
  std::set<std::string> inodes = listening_inodes(read_whole("/proc/net/tcp"), port);
  inodes.merge(listening_inodes(read_whole("/proc/net/tcp6"), port));
  if (inodes.empty()) return {};
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (holds_one_of(at->path() / "fd", inodes)) return describe_process(at->path());
  }
  return {};
}

}  // namespace engine::control
