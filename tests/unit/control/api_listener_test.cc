// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_listener.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "tests/unit/tls/support.h"

namespace engine::control {
namespace {

namespace fs = std::filesystem;

route::Address ip(std::string_view host, std::uint16_t port = 0) {
  route::Address address;
  EXPECT_TRUE(route::Address::parse_ip(host, port, address));
  return address;
}

struct ::stat stat_of(const std::string& path) {
  struct ::stat file{};
  EXPECT_EQ(::lstat(path.c_str(), &file), 0) << path;
  return file;
}

int connect_to(const std::string& path) {
  route::Address address;
  EXPECT_TRUE(route::Address::from_unix_path(path, address));
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(socket, address.get(), address.length), 0) << path;
  return socket;
}

std::string own_group() { return ::getgrgid(::getegid())->gr_name; }

class ApiListenerTest : public testing::Test {
 protected:
  // A process that ended without cleaning up.
  void leave_dead_socket() const {
    route::Address address;
    ASSERT_TRUE(route::Address::from_unix_path(path_, address));
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(socket, address.get(), address.length), 0);
    ASSERT_EQ(::listen(socket, 1), 0);
    ::close(socket);
  }

  const tls::test::Folder folder_;
  const std::string path_ = folder_.path("admin.sock");
};

TEST_F(ApiListenerTest, the_socket_is_its_owners_alone) {
  const auto listener = ApiListener::open_unix(path_, "");
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_EQ(stat_of(path_).st_mode, S_IFSOCK | 0600U);
  EXPECT_EQ((*listener)->door().owner, ::geteuid());
  EXPECT_FALSE((*listener)->door().group);
}

TEST_F(ApiListenerTest, a_group_may_share_it) {
  const auto listener = ApiListener::open_unix(path_, own_group());
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_EQ(stat_of(path_).st_mode, S_IFSOCK | 0660U);
  EXPECT_EQ(stat_of(path_).st_gid, ::getegid());
  EXPECT_EQ((*listener)->door().group, ::getegid());

  const auto unknown = ApiListener::open_unix(path_, "no such group");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "there is no group \"no such group\" on this machine");
}

TEST_F(ApiListenerTest, a_missing_folder_is_made_for_the_same_people) {
  const std::string alone = folder_.path("a/b/admin.sock");
  const std::string shared = folder_.path("c/admin.sock");
  ASSERT_TRUE(ApiListener::open_unix(alone, ""));
  ASSERT_TRUE(ApiListener::open_unix(shared, own_group()));
  EXPECT_EQ(stat_of(folder_.path("a/b")).st_mode, S_IFDIR | 0700U);
  EXPECT_EQ(stat_of(folder_.path("c")).st_mode, S_IFDIR | 0750U);
}

TEST_F(ApiListenerTest, a_live_owner_is_never_displaced) {
  const auto first = ApiListener::open_unix(path_, "");
  const ino_t inode = stat_of(path_).st_ino;
  const auto second = ApiListener::open_unix(path_, "");

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "another engine (pid " + std::to_string(::getpid()) + ") answers on " + path_);
  EXPECT_EQ(second.error().exit_code, 8);
  EXPECT_EQ(stat_of(path_).st_ino, inode);
  ::close(connect_to(path_));
}

TEST_F(ApiListenerTest, the_socket_of_a_dead_owner_is_replaced) {
  leave_dead_socket();
  const auto listener = ApiListener::open_unix(path_, "");
  ASSERT_TRUE(listener) << listener.error().message;
  ::close(connect_to(path_));
}

TEST_F(ApiListenerTest, what_is_no_socket_is_left_alone) {
  folder_.write("admin.sock", "precious");
  const auto listener = ApiListener::open_unix(path_, "");
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().message, path_ + " is there, and is no socket");
  EXPECT_EQ(folder_.read("admin.sock"), "precious");
}

TEST_F(ApiListenerTest, the_file_goes_with_the_listener_unless_it_is_anothers) {
  auto first = ApiListener::open_unix(path_, "");
  first->reset();
  EXPECT_FALSE(fs::exists(path_));

  first = ApiListener::open_unix(path_, "");
  fs::rename(path_, path_ + ".old");
  const auto second = ApiListener::open_unix(path_, "");
  ASSERT_TRUE(second) << second.error().message;
  first->reset();
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(ApiListenerTest, a_path_that_is_too_long_is_refused) {
  const auto listener = ApiListener::open_unix("/tmp/" + std::string(103, 'x'), "");
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().fix.find("107 bytes"), std::string::npos);
}

TEST_F(ApiListenerTest, knows_who_connected) {
  const auto listener = ApiListener::open_unix(path_, "");
  ASSERT_TRUE(listener) << listener.error().message;
  const int client = connect_to(path_);
  const int accepted = ::accept((*listener)->descriptor(), nullptr, nullptr);
  const ApiPeer peer = (*listener)->peer_of(accepted);

  EXPECT_EQ(peer.uid, ::geteuid());
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_TRUE(peer.name.starts_with("uid " + std::to_string(::geteuid()))) << peer.name;
  EXPECT_TRUE(peer.name.ends_with(", pid " + std::to_string(::getpid()))) << peer.name;
  EXPECT_NE(std::find(peer.groups.begin(), peer.groups.end(), ::getegid()), peer.groups.end());
  ::close(client);
  ::close(accepted);
}

TEST_F(ApiListenerTest, an_address_that_others_reach_needs_a_token) {
  for (const auto* host : {"0.0.0.0", "::", "192.0.2.1"}) {
    const auto listener = ApiListener::open_tcp(ip(host), "");
    ASSERT_FALSE(listener) << host;
    EXPECT_NE(listener.error().fix.find("admin.token"), std::string::npos);
  }
  EXPECT_TRUE(ApiListener::open_tcp(ip("0.0.0.0"), "s3cret"));
  EXPECT_TRUE(ApiListener::open_tcp(ip("127.0.0.1"), ""));
}

TEST_F(ApiListenerTest, a_port_is_never_shared) {
  const auto first = ApiListener::open_tcp(ip("127.0.0.1"), "");
  ASSERT_TRUE(first);
  const auto second = ApiListener::open_tcp(ip("127.0.0.1", (*first)->port()), "");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("Address already in use"), std::string::npos);
}

}  // namespace
}  // namespace engine::control
