// SPDX-License-Identifier: GPL-3.0-or-later
// [engine] and [log]: what belongs to the process, not to a site.
#include <fmt/format.h>

#include <array>

#include "config/parse.h"
#include "config/site_key.h"
#include "config/text.h"

namespace config {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;

// Below the least values no browser gets through; above the most, a typing mistake is likelier
// than a wish, and the memory per connection is no longer bounded in any useful way.
constexpr std::array kEngineLimitFields = {
    Field<EngineLimits>{"headers",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.size(entry, limits.head_bytes, 4 * kKiB, 16 * kMiB);
                        }},
    Field<EngineLimits>{"line",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.size(entry, limits.line_bytes, 1 * kKiB, 16 * kMiB);
                        }},
    Field<EngineLimits>{"header_out",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.size(entry, limits.header_out_bytes, 4 * kKiB, 16 * kMiB);
                        }},
    Field<EngineLimits>{"fields",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.integer(entry, limits.fields, 16, 256);
                        }},
    Field<EngineLimits>{"connections",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.integer(entry, limits.connections, 1, 10'000'000);
                        }},
    Field<EngineLimits>{"concurrency",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.integer(entry, limits.concurrency, 0, kConcurrencyMax);
                        }},
    Field<EngineLimits>{"requests",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.integer(entry, limits.requests, 0, 1'000'000'000);
                        }},
    Field<EngineLimits>{"keepalive",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.duration(entry, limits.keepalive);
                        }},
    Field<EngineLimits>{"head", [](Reader& reader, const Entry& entry,
                                   EngineLimits& limits) { reader.duration(entry, limits.head); }},
    Field<EngineLimits>{"body", [](Reader& reader, const Entry& entry,
                                   EngineLimits& limits) { reader.duration(entry, limits.body); }},
    Field<EngineLimits>{"lifetime",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.duration(entry, limits.lifetime);
                        }},
    Field<EngineLimits>{"h2_streams",
                        [](Reader& reader, const Entry& entry, EngineLimits& limits) {
                          reader.integer(entry, limits.h2_streams, 1, 10'000);
                        }},
};

constexpr std::array kUpstreamFields = {
    Field<UpstreamPool>{"max_connections",
                        [](Reader& reader, const Entry& entry, UpstreamPool& pool) {
                          reader.integer(entry, pool.max_connections, 0, kTargetConnectionsMax);
                        }},
    Field<UpstreamPool>{"max_idle",
                        [](Reader& reader, const Entry& entry, UpstreamPool& pool) {
                          reader.integer(entry, pool.max_idle, 0, kTargetConnectionsMax);
                        }},
    Field<UpstreamPool>{"keepalive",
                        [](Reader& reader, const Entry& entry, UpstreamPool& pool) {
                          reader.duration(entry, pool.keepalive);
                        }},
};

void read_workers(Reader& reader, const Entry& entry, Engine& engine) {
  const auto* word = entry.node.as_string();
  if (word != nullptr && word->get().find('$') == std::string::npos) {
    if (word->get() == "auto") {
      engine.workers = 0;
      return;
    }
    return reader.error(entry.node.source(),
                        fmt::format("{} is not a number of workers", in_quotes(word->get())),
                        fmt::format("write \"auto\" or a number from 1 to {}", kWorkersMax));
  }
  // "${WORKERS:-auto}" is a string on paper and either of the two in effect.
  if (word != nullptr) {
    std::optional<std::string> text = reader.text(entry.node);
    if (!text) return;
    if (*text == "auto") {
      engine.workers = 0;
      return;
    }
  }
  uint64_t workers = 0;
  if (reader.integer(entry, workers, 1, kWorkersMax)) {
    engine.workers = static_cast<unsigned>(workers);
  }
}

void read_io(Reader& reader, const Entry& entry, Engine& engine) {
  static constexpr std::array kChoices = {std::pair{std::string_view("auto"), Engine::Io::Auto},
                                          std::pair{std::string_view("uring"), Engine::Io::Uring}};
  static constexpr std::array kLater = {std::string_view("epoll")};
  reader.choice<Engine::Io>(entry, kChoices, kLater, engine.io);
}

constexpr std::array kEngineFields = {
    Field<Engine>{"workers", read_workers},
    Field<Engine>{"io", read_io},
    Field<Engine>{"upstream",
                  [](Reader& reader, const Entry& entry, Engine& engine) {
                    read_table<UpstreamPool>(reader, entry, kUpstreamFields, engine.upstream);
                  }},
    Field<Engine>{"grace", [](Reader& reader, const Entry& entry,
                              Engine& engine) { reader.duration(entry, engine.grace); }},
    Field<Engine>{"pin", [](Reader& reader, const Entry& entry,
                            Engine& engine) { reader.boolean(entry, engine.pin); }},
    Field<Engine>{"limits",
                  [](Reader& reader, const Entry& entry, Engine& engine) {
                    read_table<EngineLimits>(reader, entry, kEngineLimitFields, engine.limits);
                  }},
};

void read_level(Reader& reader, const Entry& entry, Log& log) {
  static constexpr std::array kChoices = {std::pair{std::string_view("error"), LogLevel::Error},
                                          std::pair{std::string_view("warn"), LogLevel::Warn},
                                          std::pair{std::string_view("info"), LogLevel::Info},
                                          std::pair{std::string_view("debug"), LogLevel::Debug}};
  reader.choice<LogLevel>(entry, kChoices, {}, log.level);
}

void read_to(Reader& reader, const Entry& entry, AccessLog& access) {
  std::string to;
  if (!reader.string(entry, to)) return;
  if (to == "stdout" || to == "stderr") {
    access.output = to == "stdout" ? AccessLog::Output::Stdout : AccessLog::Output::Stderr;
    return;
  }
  if (to.empty() || has_control(to)) {
    return reader.error(entry.node.source(), fmt::format("{} is not a path", in_quotes(to)),
                        "write \"stdout\", \"stderr\" or a path");
  }
  access.output = AccessLog::Output::File;
  access.path = (reader.source().directory() / to).string();
}

void read_format(Reader& reader, const Entry& entry, AccessLog& access) {
  using Format = AccessLog::Format;
  static constexpr std::array kChoices = {std::pair{std::string_view("auto"), Format::Auto},
                                          std::pair{std::string_view("json"), Format::Json},
                                          std::pair{std::string_view("text"), Format::Text}};
  static constexpr std::array<std::string_view, 3> kLater = {"common", "combined", "logfmt"};
  reader.choice<Format>(entry, kChoices, kLater, access.format);
}

void read_skip(Reader& reader, const Entry& entry, AccessLog& access) {
  std::optional<std::vector<Reader::Item>> items = reader.strings(entry);
  if (!items) return;
  for (Reader::Item& item : *items) {
    if (auto valid = check_path_prefix(item.text); !valid) {
      reader.error(item.node->source(), valid.error());
    }
    access.skip.push_back(std::move(item.text));
  }
}

void read_sample(Reader& reader, const Entry& entry, AccessLog& access) {
  std::optional<double> share = entry.node.value<double>();
  if (!entry.node.is_number() || !share) return reader.wrong_type(entry, "a share from 0 to 1");
  if (!(*share >= 0.0 && *share <= 1.0)) {
    return reader.error(entry.node.source(), "\"sample\" must be from 0 to 1");
  }
  access.sample = *share;
}

constexpr std::array kAccessFields = {
    Field<AccessLog>{"to", read_to},
    Field<AccessLog>{"format", read_format},
    Field<AccessLog>{"skip", read_skip},
    Field<AccessLog>{"slow", [](Reader& reader, const Entry& entry,
                                AccessLog& access) { reader.duration(entry, access.slow); }},
    Field<AccessLog>{"sample", read_sample},
};

void read_access(Reader& reader, const Entry& entry, Log& log) {
  if (!entry.node.is_string()) {
    if (!entry.node.is_table()) return reader.wrong_type(entry, "\"off\" or a table");
    return read_table<AccessLog>(reader, entry, kAccessFields, log.access);
  }
  std::string word;
  if (!reader.string(entry, word)) return;
  if (word == "off") {
    log.access.output = AccessLog::Output::Off;
    return;
  }
  reader.error(entry.node.source(), fmt::format("{} is not a value of \"access\"", in_quotes(word)),
               fmt::format("write \"off\" or {{ to = {} }}", in_quotes(word)));
}

// The list takes the place of the usual one; an empty one shows everything.
void read_redact(Reader& reader, const Entry& entry, Log& log) {
  std::optional<std::vector<Reader::Item>> items = reader.strings(entry);
  if (!items) return;
  if (items->size() > kRedactedMax) {
    return reader.error(entry.key.source(), fmt::format("{} names more than {} parameters",
                                                        in_quotes(entry.name()), kRedactedMax));
  }
  log.redact.clear();
  for (Reader::Item& item : *items) {
    if (item.text.empty() || item.text.find_first_of("=&?#") != std::string::npos) {
      reader.error(item.node->source(),
                   fmt::format("{} is not the name of a query's parameter", in_quotes(item.text)),
                   "write it as it stands before the \"=\": \"token\"");
    }
    log.redact.push_back(std::move(item.text));
  }
}

constexpr std::array kLogFields = {Field<Log>{"level", read_level},
                                   Field<Log>{"access", read_access},
                                   Field<Log>{"redact", read_redact}};

}  // namespace

void parse_engine(Reader& reader, const Entry& entry, Engine& engine) {
  read_table<Engine>(reader, entry, kEngineFields, engine);
}

void parse_log(Reader& reader, const Entry& entry, Log& log) {
  read_table<Log>(reader, entry, kLogFields, log);
}

}  // namespace config
