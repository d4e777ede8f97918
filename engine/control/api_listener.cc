// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_listener.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/control/port_owner.h"
#include "engine/io/socket.h"

namespace engine::control {
namespace {

constexpr int kBacklog = 128;
constexpr auto kPatience = std::chrono::milliseconds(1000);
constexpr auto kPause = std::chrono::milliseconds(20);
constexpr std::size_t kNamesBytesMax = 16384;  // what the longest entry of a user or group takes

std::unexpected<Failure> refuse(std::string message, std::string fix) {
  return std::unexpected(Failure{std::move(message), std::move(fix)});
}

std::unexpected<Failure> cannot(const std::string& path, int error) {
  return refuse("the control API cannot listen on " + path + ": " + std::strerror(error),
                "choose another path as `admin.socket` in proxy.toml");
}

// A descriptor of this scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

std::expected<std::optional<gid_t>, Failure> find_group(const std::string& name) {
  if (name.empty()) return std::nullopt;
  group entry{};
  group* found = nullptr;
  std::vector<char> memory(kNamesBytesMax);
  ::getgrnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found);
  if (found != nullptr) return found->gr_gid;
  return refuse("there is no group \"" + name + "\" on this machine",
                "groupadd --system " + name + ", or correct `admin.group` in proxy.toml");
}

// 0, or what errno said.
int make_folder(const std::string& folder, std::optional<gid_t> group) {
  std::error_code ignored;  // mkdir says what is wrong
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  if (::mkdir(folder.c_str(), S_IRWXU) != 0) return errno == EEXIST ? 0 : errno;
  if (!group) return 0;
  if (::chown(folder.c_str(), static_cast<uid_t>(-1), *group) != 0) return errno;
  return ::chmod(folder.c_str(), S_IRWXU | S_IRGRP | S_IXGRP) == 0 ? 0 : errno;
}

// Whether it is so for longer than another start takes, or the kernel to end a killed process: its
// ring holds the listener for a moment.
template <typename Condition>
bool lasts(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (condition()) {
    if (std::chrono::steady_clock::now() >= end) return true;
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

// Who accepts connections at the path.
struct Probe {
  int error = 0;  // of connecting
  pid_t pid = 0;  // 0: unknown
};

Probe probe(const route::Address& address) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return {.error = errno};
  if (::connect(socket.get(), address.get(), address.length) != 0) return {.error = errno};
  ucred owner{};
  socklen_t size = sizeof owner;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &owner, &size);
  return {.pid = owner.pid};
}

// Makes the path free, unless somebody answers there.
std::expected<void, Failure> take_path(const std::string& path, const route::Address& address,
                                       pid_t displaces) {
  struct stat file{};
  if (::lstat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return {};
    return cannot(path, errno);
  }
  if (!S_ISSOCK(file.st_mode)) {
    return refuse(path + " is there, and is no socket",
                  "remove it, or choose another path as `admin.socket` in proxy.toml");
  }
  Probe owner = probe(address);
  const bool gives_way = owner.error == 0 && displaces > 0 && owner.pid == displaces;
  const bool answers = !gives_way && lasts([&] {
    owner = probe(address);
    return owner.error == 0 || owner.error == EAGAIN;  // EAGAIN: it has much to do
  });
  if (answers) {
    const std::string who = owner.pid > 0 ? " (pid " + std::to_string(owner.pid) + ")" : "";
    return refuse("another engine" + who + " answers on " + path,
                  "stop it, or choose another path as `admin.socket` in proxy.toml");
  }
  if (!gives_way && owner.error != ECONNREFUSED && owner.error != ENOENT)
    return cannot(path, owner.error);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return cannot(path, errno);
  return {};
}

// 0, or what errno said.
int set_mode(const std::string& path, std::optional<gid_t> group) {
  if (!group) return ::chmod(path.c_str(), S_IRUSR | S_IWUSR) == 0 ? 0 : errno;
  if (::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) return errno;
  return ::chmod(path.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) == 0 ? 0 : errno;
}

route::Address local_address(int socket) {
  route::Address address;
  address.length = sizeof address.storage;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0)
    address.length = 0;
  return address;
}

std::uint16_t port_of(const route::Address& address) {
  sockaddr_in copy;  // sin_port and sin6_port lie at the same offset
  std::memcpy(&copy, &address.storage, sizeof copy);
  return ntohs(copy.sin_port);
}

std::string name_of(const ucred& peer) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> memory(kNamesBytesMax);
  ::getpwuid_r(peer.uid, &entry, memory.data(), memory.size(), &found);
  return "uid " + std::to_string(peer.uid) +
         (found == nullptr ? "" : " (" + std::string(found->pw_name) + ")") + ", pid " +
         std::to_string(peer.pid);
}

std::vector<gid_t> groups_of(int socket, gid_t first) {
  std::vector<gid_t> groups;
  socklen_t size = 0;
  ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &size);  // ERANGE, and the size
  groups.resize(size / sizeof(gid_t));
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) groups.clear();
  groups.push_back(first);
  return groups;
}

}  // namespace

ApiListener::Opened ApiListener::open_unix(const std::string& path, const std::string& group,
                                           pid_t displaces) {
  route::Address address;
  if (!route::Address::from_unix_path(path, address)) {
    return refuse("the path of the control API's socket is too long for a socket: " + path,
                  "choose one of at most 107 bytes as `admin.socket` in proxy.toml");
  }
  const auto gid = find_group(group);
  if (!gid) return std::unexpected(gid.error());
  const std::string parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent;
  if (const int error = make_folder(folder, *gid); error != 0) return cannot(path, error);
  // Of two engines that start at once, one finds the path free.
  const Descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.get() < 0) return cannot(path, errno);
  if (lasts([&] { return ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; }))
    return cannot(path, EWOULDBLOCK);
  if (auto taken = take_path(path, address, displaces); !taken)
    return std::unexpected(taken.error());
  return bind_unix(path, address, *gid);
}

// Nobody can connect before listen(): by then the mode is what it is to be.
ApiListener::Opened ApiListener::bind_unix(const std::string& path, const route::Address& address,
                                           std::optional<gid_t> group) {
  std::unique_ptr<ApiListener> listener(new ApiListener);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return cannot(path, errno);
  listener->descriptor_ = socket;
  listener->door_ = {.kind = ApiDoor::Kind::Unix, .owner = ::geteuid(), .group = group};
  if (::bind(socket, address.get(), address.length) != 0) return cannot(path, errno);
  struct stat file{};
  if (::lstat(path.c_str(), &file) != 0) return cannot(path, errno);
  listener->path_ = path;
  listener->device_ = file.st_dev;
  listener->inode_ = file.st_ino;
  if (const int error = set_mode(path, group); error != 0) return cannot(path, error);
  if (::listen(socket, kBacklog) != 0) return cannot(path, errno);
  return listener;
}

ApiListener::Opened ApiListener::open_tcp(const route::Address& address, const std::string& token,
                                          pid_t displaces) {
  const std::string text = address.text();
  if (token.empty() && !is_loopback(address)) {
    return refuse("the control API on " + text + " needs a token: others can reach that address",
                  "set `admin.token` in proxy.toml, or let `admin.http` be 127.0.0.1");
  }
  // With SO_REUSEPORT, which open_listener() sets, a second one would quietly share the port.
  const bool is_taken = displaces == 0 && port_of(address) != 0 &&
                        lasts([&] { return io::is_taken(address.get(), address.length); });
  auto socket = is_taken ? std::unexpected(EADDRINUSE)
                         : io::open_listener(address.get(), address.length, kBacklog);
  if (!socket) {
    const std::string owner =
        socket.error() == EADDRINUSE ? find_port_owner(port_of(address)) : std::string();
    return refuse("the control API cannot listen on " + text + ": " +
                      std::strerror(socket.error()) + (owner.empty() ? "" : " by " + owner),
                  "choose another address as `admin.http` in proxy.toml");
  }
  std::unique_ptr<ApiListener> listener(new ApiListener);
  listener->descriptor_ = *socket;
  listener->door_ = {.kind = ApiDoor::Kind::Tcp, .address = local_address(*socket), .token = token};
  return listener;
}

ApiListener::~ApiListener() {
  if (descriptor_ >= 0) ::close(descriptor_);
  struct stat file{};
  if (!path_.empty() && ::lstat(path_.c_str(), &file) == 0 && is_ours(file))
    ::unlink(path_.c_str());
}

std::uint16_t ApiListener::port() const { return port_of(door_.address); }

ApiPeer ApiListener::peer_of(int socket) const {
  ApiPeer peer;
  if (door_.kind == ApiDoor::Kind::Tcp) {
    peer.address.length = sizeof peer.address.storage;
    ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer.address.storage), &peer.address.length);
    peer.name = peer.address.text();
    return peer;
  }
  ucred credentials{.pid = 0, .uid = static_cast<uid_t>(-1), .gid = static_cast<gid_t>(-1)};
  socklen_t size = sizeof credentials;
  ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
  peer.name = name_of(credentials);
  peer.uid = credentials.uid;
  peer.pid = credentials.pid;
  peer.groups = groups_of(socket, credentials.gid);
  return peer;
}

}  // namespace engine::control
