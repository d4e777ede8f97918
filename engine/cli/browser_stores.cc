// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/browser_stores.h"

#include <sys/stat.h>

#include <algorithm>
#include <expected>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/cli/program.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

using Result = TrustOutcome::Result;

constexpr std::string_view kNickname = "engine local CA";
constexpr std::string_view kCertutil = "certutil";
constexpr std::string_view kInstall = "install libnss3-tools (Fedora: nss-tools, Arch: nss)";
constexpr std::string_view kSeenWhen = "a running one sees it after a restart";
constexpr int kSameNicknameMax = 16;  // a renewed authority may have been added beside the old one

// Below the home: as packaged, as a snap, as a flatpak.
constexpr std::string_view kChromium[] = {".pki/nssdb", ".local/share/pki/nssdb",
                                          "snap/chromium/current/.pki/nssdb",
                                          ".var/app/org.chromium.Chromium/.pki/nssdb"};
constexpr std::string_view kFirefox[] = {".mozilla/firefox", ".config/mozilla/firefox",
                                         "snap/firefox/common/.mozilla/firefox",
                                         ".var/app/org.mozilla.firefox/.mozilla/firefox"};

struct Database {
  std::string_view browser;
  std::string folder;
};

bool is_database(const fs::path& folder) {
  std::error_code none;
  return fs::exists(folder / "cert9.db", none);
}

std::vector<Database> databases_of(const std::string& home) {
  std::vector<Database> found;
  for (const std::string_view folder : kChromium) {
    const fs::path path = fs::path(home) / folder;
    if (is_database(path)) found.emplace_back("Chromium", path.string());
  }
  for (const std::string_view folder : kFirefox) {
    std::error_code none;
    for (fs::directory_iterator entry(fs::path(home) / folder, none), end; !none && entry != end;
         entry.increment(none)) {
      if (is_database(entry->path())) found.emplace_back("Firefox", entry->path().string());
    }
  }
  return found;
}

// One certutil with one database.
class Nss {
 public:
  Nss(std::string certutil, Database database)
      : certutil_(std::move(certutil)), database_(std::move(database)) {}

  [[nodiscard]] TrustOutcome create() const;
  [[nodiscard]] TrustOutcome add(const std::string& ca_pem) const;
  [[nodiscard]] TrustOutcome remove() const;

 private:
  using Words = std::vector<std::string>;

  // What certutil printed; the error is why it failed.
  std::expected<std::string, std::string> run(std::string_view verb, const Words& more = {},
                                              std::string_view input = "") const;
  [[nodiscard]] std::expected<bool, std::string> has_ours() const;
  [[nodiscard]] std::expected<void, std::string> remove_ours() const;
  [[nodiscard]] TrustOutcome outcome(Result result, std::string why = "") const;

  std::string certutil_;
  Database database_;
};

TrustOutcome Nss::outcome(Result result, std::string why) const {
  return {.result = result,
          .store = std::string(database_.browser) + " (" + database_.folder + ")",
          .why = std::move(why),
          .fix = ""};
}

std::expected<std::string, std::string> Nss::run(std::string_view verb, const Words& more,
                                                 std::string_view input) const {
  Words words = {certutil_, std::string(verb), "-d", "sql:" + database_.folder};
  words.insert(words.end(), more.begin(), more.end());
  auto ran = run_program(std::move(words), input);
  if (!ran) return std::unexpected(ran.error());
  if (ran->status != 0) return std::unexpected(ran->reason());
  return std::move(ran->output);
}

// From the list of all: asked for a nickname, certutil fails alike when there is none and when the
// database is broken.
std::expected<bool, std::string> Nss::has_ours() const {
  const auto listed = run("-L");
  if (!listed) return std::unexpected(listed.error());
  const std::string column = std::string(kNickname) + "  ";  // one space could belong to a name
  return listed->contains("\n" + column);
}

std::expected<void, std::string> Nss::remove_ours() const {
  for (int i = 0; i < kSameNicknameMax; ++i) {
    const auto there = has_ours();
    if (!there) return std::unexpected(there.error());
    if (!*there) return {};
    const auto removed = run("-D", {"-n", std::string(kNickname)});
    if (!removed) return std::unexpected(removed.error());
  }
  return std::unexpected("it comes back whenever it is removed");
}

TrustOutcome Nss::create() const {
  // certutil says what is wrong, also with these.
  ::mkdir(fs::path(database_.folder).parent_path().c_str(), S_IRWXU);
  ::mkdir(database_.folder.c_str(), S_IRWXU);
  const auto made = run("-N", {"--empty-password"});
  return made ? outcome(Result::Done) : outcome(Result::Failed, made.error());
}

std::string without_space(std::string text) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == ' '; });
  return text;
}

TrustOutcome Nss::add(const std::string& ca_pem) const {
  const std::string name(kNickname);
  const auto kept = run("-L", {"-n", name, "-a"});
  const bool same = kept && without_space(*kept) == without_space(ca_pem);
  if (!same) {
    // NSS refuses a second certificate with this nickname.
    if (const auto removed = remove_ours(); !removed) {
      return outcome(Result::Failed, removed.error());
    }
  }
  // Also when it is there: somebody may have taken the trust away from it.
  const auto added = run("-A", {"-t", "C,,", "-n", name}, ca_pem);
  if (!added) return outcome(Result::Failed, added.error());
  if (same) return outcome(Result::Already);
  return outcome(Result::Done, std::string(kSeenWhen));
}

TrustOutcome Nss::remove() const {
  const auto there = has_ours();
  if (!there) return outcome(Result::Failed, there.error());
  if (!*there) return outcome(Result::Already);
  const auto removed = remove_ours();
  if (!removed) return outcome(Result::Failed, removed.error());
  return outcome(Result::Done, std::string(kSeenWhen));
}

std::vector<TrustOutcome> without_certutil(const std::vector<Database>& databases) {
  const std::string why = std::string(kCertutil) + " is not installed";
  if (databases.empty())
    return {{Result::LeftOut, "Chromium and Firefox", why, std::string(kInstall)}};
  std::vector<TrustOutcome> outcomes;
  for (const auto& [browser, folder] : databases) {
    outcomes.push_back(
        {Result::Failed, std::string(browser) + " (" + folder + ")", why, std::string(kInstall)});
  }
  return outcomes;
}

}  // namespace

std::vector<TrustOutcome> add_to_browsers(const User& user, const std::string& programs,
                                          const std::string& ca_pem) {
  const ActingAs acting(user);
  std::vector<Database> databases = databases_of(user.home);
  const std::string certutil = find_program(kCertutil, programs);
  if (certutil.empty()) return without_certutil(databases);
  std::vector<TrustOutcome> outcomes;
  std::error_code none;
  const bool has_chromium =
      std::ranges::find(databases, "Chromium", &Database::browser) != databases.end();
  if (!has_chromium && fs::is_directory(user.home, none)) {
    const Database missing("Chromium", user.home + "/" + std::string(kChromium[0]));
    TrustOutcome made = Nss(certutil, missing).create();
    if (made.result == Result::Failed) {
      outcomes.push_back(std::move(made));
    } else {
      databases.push_back(missing);
    }
  }
  for (const Database& database : databases)
    outcomes.push_back(Nss(certutil, database).add(ca_pem));
  return outcomes;
}

std::vector<TrustOutcome> remove_from_browsers(const User& user, const std::string& programs) {
  const ActingAs acting(user);
  const std::vector<Database> databases = databases_of(user.home);
  const std::string certutil = find_program(kCertutil, programs);
  if (certutil.empty()) return without_certutil(databases);
  std::vector<TrustOutcome> outcomes;
  for (const Database& database : databases) outcomes.push_back(Nss(certutil, database).remove());
  return outcomes;
}

}  // namespace engine::cli
