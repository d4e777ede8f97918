// SPDX-License-Identifier: GPL-3.0-or-later
// A machine in a folder: a home, folders of authorities, and small programs in place of the
// system's.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <system_error>
#include <vector>

#include "engine/cli/system_store.h"
#include "engine/cli/user.h"
#include "tests/unit/tls/support.h"

namespace engine::cli::test {

namespace fs = std::filesystem;

// Keeps certificates as files beside cert9.db, and refuses what the real one refuses.
inline constexpr char kCertutil[] = R"sh(#!/bin/sh
verb=$1; shift
while [ $# -gt 0 ]; do
  case $1 in
    -d) db=${2#sql:}; shift 2;;
    -n) name=$2; shift 2;;
    -t) flags=$2; shift 2;;
    *) shift;;
  esac
done
if [ $verb = -N ]; then touch "$db/cert9.db"; exit; fi
if [ ! -e "$db/cert9.db" ] || grep -q broken "$db/cert9.db"; then
  echo "certutil: bad database" >&2; exit 255
fi
case $verb in
  -L) if [ -n "$name" ]; then cat "$db/$name.pem" || exit 255; exit; fi
      printf '\nCertificate Nickname       Trust Attributes\n\n'
      for file in "$db"/*.pem; do
        [ -e "$file" ] && printf '%-60s %s\n' "$(basename "$file" .pem)" "$(cat "${file%.pem}.flags")"
      done; exit 0;;
  -A) new=$(cat)
      if [ -e "$db/$name.pem" ] && [ "$new" != "$(cat "$db/$name.pem")" ]; then
        echo "certutil: could not add certificate" >&2; exit 255
      fi
      echo "$new" > "$db/$name.pem"; echo "$flags" > "$db/$name.flags";;
  -D) rm "$db/$name.pem" "$db/$name.flags";;
esac
)sh";

class Machine {
 public:
  Machine() {
    for (const char* folder : {"bin", "home", "anchors", "hooks"})
      fs::create_directory(path(folder));
    fs::permissions(path(), fs::perms(0755));
  }
  ~Machine() {
    std::error_code absent;
    fs::permissions(path("anchors"), fs::perms(0755), absent);  // or it could not be emptied
  }

  [[nodiscard]] std::string path(const fs::path& name = "") const { return folder_.path(name); }
  [[nodiscard]] std::string read(const fs::path& name) const { return folder_.read(name); }
  void write(const fs::path& name, const std::string& text) const { folder_.write(name, text); }
  [[nodiscard]] bool has(const fs::path& name) const { return fs::exists(path(name)); }

  void add_program(const std::string& name, const std::string& text,
                   const std::string& folder = "bin") const {
    write(fs::path(folder) / name, text);
    fs::permissions(path(fs::path(folder) / name), fs::perms(0755));
  }
  void add_certutil() const { add_program("certutil", kCertutil); }
  // Notes in the file "ran" how it was called.
  void add_refresh(const std::string& more = "") const {
    add_program("refresh", "#!/bin/sh\necho \"refresh $*\" >> " + path("ran") + "\n" + more);
  }
  // A folder of NSS, below the home.
  void add_database(const fs::path& name, const std::string& content = "") const {
    fs::create_directories(path("home" / name));
    write("home" / name / "cert9.db", content);
  }

  [[nodiscard]] std::vector<SystemStore> systems() const {
    return {{.folder = path("absent"),
             .file = "ca.crt",
             .refresh = {{"other"}},
             .rebuild = {{"other"}},
             .package = "other",
             .hooks = "",
             .listed_as = ""},
            {.folder = path("anchors"),
             .file = "ca.crt",
             .refresh = {{"not-here"}, {"refresh", "plain"}},
             .rebuild = {{"not-here"}, {"refresh", "all"}},
             .package = "certificates",
             .hooks = path("hooks"),
             .listed_as = "/lists/ca.pem"}};
  }
  [[nodiscard]] std::string programs() const { return path("bin"); }
  [[nodiscard]] User user() const {
    return {.name = "", .uid = ::geteuid(), .gid = ::getegid(), .home = path("home")};
  }

 private:
  tls::test::Folder folder_;
};

// Somebody without rights; root can become them.
inline User nobody(const std::string& home = "/nonexistent") {
  return {.name = "nobody", .uid = 65534, .gid = 65534, .home = home};
}

}  // namespace engine::cli::test
