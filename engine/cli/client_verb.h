// SPDX-License-Identifier: GPL-3.0-or-later
// What the verbs that call a running engine have in common: their flags, and the way from an answer
// to stdout and an exit code. It must not know the verbs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "engine/cli/client.h"
#include "engine/cli/fields.h"

namespace engine::cli {

struct ClientFlags {
  std::string socket;
  bool json = false;
  bool watch = false;
};

void add_socket_flag(CLI::App& verb, ClientFlags& flags);
// --socket and --json: what a verb that reads has.
void add_read_flags(CLI::App& verb, ClientFlags& flags);
// These and -w.
void add_watch_flags(CLI::App& verb, ClientFlags& flags);

// A flag whose value config::parse_duration reads.
CLI::Option* add_duration(CLI::App& verb, const std::string& names, std::string& value,
                          const std::string& about);
// A word that must be given.
CLI::Option* add_word(CLI::App& verb, const std::string& name, std::string& value,
                      const std::string& about);

// --socket, else ENGINE_SOCKET, else admin.socket of the usual configuration when that is there and
// has no mistake, else where the engine puts it.
[[nodiscard]] std::string socket_of(const ClientFlags& flags);

// `page` makes text of the answer.
using Page = std::function<std::string(const Json& answer)>;

// Reads `call` and prints the answer, as JSON with --json; each second anew with -w. Returns the
// exit code.
[[nodiscard]] int show(const ClientFlags& flags, const ApiCall& call, const Page& page);

// Makes `call` and prints what `page` says of it. Returns the exit code.
[[nodiscard]] int change(const ClientFlags& flags, const ApiCall& call, const Page& page);

// How long a call may take that waits for `drain`.
[[nodiscard]] config::Milliseconds patience_for(const std::string& drain);

}  // namespace engine::cli
