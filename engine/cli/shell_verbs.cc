// SPDX-License-Identifier: GPL-3.0-or-later
// `engine completion …` and `engine man`: what the tree of verbs says about itself.
#include "engine/cli/completion.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/help.h"
#include "engine/cli/man_page.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

void add(VerbTable& table, std::string_view name, std::string_view about,
         std::string (*make)(const CLI::App& root)) {
  table.add({name, kGroupProgram, about}, [&table, make] {
    print(make(table.root()));
    return kExitOk;
  });
}

}  // namespace

void add_shell_verbs(VerbTable& table) {
  table.add({"completion", kGroupProgram, kAboutCompletion}, nullptr);
  add(table, "completion bash", kAboutCompletionBash, bash_completion);
  add(table, "completion zsh", kAboutCompletionZsh, zsh_completion);
  add(table, "completion fish", kAboutCompletionFish, fish_completion);
  add(table, "man", kAboutMan, man_page);
}

}  // namespace engine::cli
