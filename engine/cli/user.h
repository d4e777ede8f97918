// SPDX-License-Identifier: GPL-3.0-or-later
// Who gave the command, and doing things in their name. It must not know what is done.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace engine::cli {

struct User {
  std::string name;  // empty for a user who is in no list
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};

// Under sudo the user who called it ($SUDO_USER), else the one this process runs as, with $HOME.
[[nodiscard]] User invoking_user();

// "root"; "user 1234" for one who is in no list.
[[nodiscard]] std::string user_name(uid_t uid);

// While it lives, this process has the rights of `user` and no others: what is made is theirs, a
// link in their home leads nowhere they could not go themselves, and a program started now (whose
// settings may name libraries to load) is theirs too. Without effect unless root acts for somebody
// else. For a process with one thread.
class ActingAs {
 public:
  explicit ActingAs(const User& user);
  ~ActingAs();
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  bool active_;
  gid_t gid_ = 0;
  std::vector<gid_t> groups_;
};

}  // namespace engine::cli
