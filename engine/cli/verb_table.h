// SPDX-License-Identifier: GPL-3.0-or-later
// The verbs: where each stands in CLI11's tree, and what it does. Each group of verbs adds its own.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine::cli {

class VerbTable {
 public:
  using Run = std::function<int()>;  // returns the exit code
  using Aliases = std::initializer_list<const char*>;

  struct Verb {
    std::string_view name;   // "rollout stop" is below "rollout", which was added before
    std::string_view group;  // heading in the help; that of its parent when it is below one
    std::string_view about;  // a line, then examples
  };

  explicit VerbTable(CLI::App& root) : root_(root) {}

  // Without `run` it is only there for the verbs below it, one of which must be given.
  CLI::App& add(const Verb& verb, Run run, Aliases aliases = {});

  // What is done when no verb is given.
  void set_root(Run run) { runs_.emplace(&root_, std::move(run)); }

  // The one that a command line names last; the root when it names none.
  [[nodiscard]] const CLI::App& given() const;
  // The one with this name or alias, words with spaces between; null when there is none.
  [[nodiscard]] const CLI::App* find(std::string_view name) const;
  [[nodiscard]] int run(const CLI::App& verb) const { return runs_.at(&verb)(); }

  [[nodiscard]] const CLI::App& root() const { return root_; }

 private:
  CLI::App& root_;
  std::map<const CLI::App*, Run> runs_;
};

// "engine rollout stop"
[[nodiscard]] std::string full_name(const CLI::App& verb);

// The names and aliases of the verbs below `place`.
[[nodiscard]] std::vector<std::string> names_below(const CLI::App& place);

// The verbs below `place`, in their order.
[[nodiscard]] std::vector<const CLI::App*> verbs_below(const CLI::App& place);

// "-c,--config", without what CLI11 adds to flags that mean "no".
[[nodiscard]] std::string flag_names(const CLI::Option& option);

// Its first line.
[[nodiscard]] std::string summary_of(const CLI::App& verb);

}  // namespace engine::cli
