// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "engine/base/check.h"

namespace engine::cli {
namespace {

User user_of(const passwd& entry) {
  return {.name = entry.pw_name, .uid = entry.pw_uid, .gid = entry.pw_gid, .home = entry.pw_dir};
}

}  // namespace

std::string user_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry == nullptr ? "user " + std::to_string(uid) : entry->pw_name;
}

User invoking_user() {
  if (const char* name = std::getenv("SUDO_USER"); name != nullptr && ::geteuid() == 0) {
    if (const passwd* entry = ::getpwnam(name)) return user_of(*entry);
  }
  const passwd* entry = ::getpwuid(::geteuid());
  User user = entry != nullptr ? user_of(*entry) : User{.uid = ::geteuid(), .gid = ::getegid()};
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') user.home = home;
  return user;
}

ActingAs::ActingAs(const User& user)
    : active_(::geteuid() == 0 && user.uid != 0), gid_(::getegid()) {
  if (!active_) return;
  groups_.resize(static_cast<std::size_t>(::getgroups(0, nullptr)));
  ENSURE(::getgroups(static_cast<int>(groups_.size()), groups_.data()) >= 0, "they fit");
  // Only the saved id stays root's, and a program that is started loses that one too.
  ENSURE(::initgroups(user.name.c_str(), user.gid) == 0, "never go on with more rights");
  ENSURE(::setresgid(user.gid, user.gid, gid_) == 0, "never go on with more rights");
  ENSURE(::setresuid(user.uid, user.uid, 0) == 0, "never go on with more rights");
}

ActingAs::~ActingAs() {
  if (!active_) return;
  ENSURE(::setresuid(0, 0, 0) == 0, "root's id was kept");
  ENSURE(::setresgid(gid_, gid_, gid_) == 0, "root may choose its groups");
  ENSURE(::setgroups(groups_.size(), groups_.data()) == 0, "root may choose its groups");
}

}  // namespace engine::cli
