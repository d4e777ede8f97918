// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/server.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "engine/base/log.h"
#include "engine/cli/config_file.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/say.h"
#include "engine/control/control.h"
#include "engine/io/socket.h"
#include "engine/server/control_api.h"
#include "engine/server/cpus.h"
#include "engine/server/log_writer.h"
#include "engine/server/workers.h"

namespace engine::server {
namespace {

namespace log = base::log;
using control::Failure;

// The control thread's own ring: signals, timers and files only.
constexpr io::RingOptions kControlRing = {
    .entries = 64, .completions = 256, .buffer_count = 8, .buffer_bytes = 4096};

void write_to_stderr(std::string_view line) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

// Everything that lives as long as the server, in the order in which it ends: last to first.
class Server {
 public:
  Server(const cli::RunOptions& options, config::Result start, base::Time loaded_at)
      : source_{options.config, options.overrides},
        state_directory_(control::state_directory(options.overrides.state_directory.value_or(""))),
        start_(std::move(start)),
        loaded_at_(loaded_at) {}

  std::expected<int, Failure> run();

 private:
  std::expected<void, Failure> open_ring();
  std::expected<void, Failure> open_log();
  std::expected<void, Failure> start_workers(std::vector<config::Diagnostic>& diagnostics);
  // What can fail before there is a thread: the control socket, the state, the first snapshot.
  std::expected<void, Failure> begin_to_serve(std::vector<config::Diagnostic>& diagnostics);
  void turn();
  void choose_workers();
  void say_started(const std::vector<config::Diagnostic>& diagnostics) const;
  void say_stopped() const;
  [[nodiscard]] proxy::AccessLogOptions access_options() const;

  control::Inheritance inheritance_ = control::Inheritance::take();
  control::ConfigSource source_;
  std::string state_directory_;
  config::Result start_;
  base::Time loaded_at_;
  Workers::Options workers_wanted_;
  std::unique_ptr<io::Ring> ring_;
  std::unique_ptr<io::Timers> timers_;
  std::unique_ptr<LogWriter> log_writer_;
  std::unique_ptr<route::Published> published_;
  std::unique_ptr<route::Mailboxes> mailboxes_;
  std::unique_ptr<control::Listeners> listeners_;
  std::unique_ptr<control::Resolver> resolver_;
  std::unique_ptr<control::Certificates> certificates_;
  control::TargetTlsContexts target_tls_;
  std::unique_ptr<control::State> state_;
  std::unique_ptr<control::Reload> reload_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<ControlApi> api_;
  std::unique_ptr<control::Control> control_;
};

std::expected<int, Failure> Server::run() {
  control::Control::block_signals();
  io::raise_descriptor_limit();
  choose_workers();
  std::vector<config::Diagnostic> diagnostics;
  if (auto opened = open_ring(); !opened) return std::unexpected(opened.error());
  if (auto opened = open_log(); !opened) return std::unexpected(opened.error());
  if (auto started = start_workers(diagnostics); !started) return std::unexpected(started.error());
  say_started(diagnostics);
  inheritance_.say_ready();
  const int exit_code = control_->run();
  workers_->join();
  if (log_writer_ != nullptr) log_writer_->stop();
  say_stopped();
  return exit_code;
}

std::expected<void, Failure> Server::open_ring() {
  auto ring = io::Ring::open(kControlRing);
  if (!ring)
    return std::unexpected(
        Failure{ring.error().cause, ring.error().fix, control::kExitEnvironment});
  ring_ = std::move(*ring);
  timers_ = std::make_unique<io::Timers>(ring_->now());
  return {};
}

std::expected<void, Failure> Server::open_log() {
  const config::AccessLog& access = start_.config.log.access;
  if (access.output == config::AccessLog::Output::Off) return {};
  auto writer = LogWriter::open(access, workers_wanted_.count);
  if (!writer) return std::unexpected(writer.error());
  log_writer_ = std::move(*writer);
  workers_wanted_.access = access_options();
  return {};
}

proxy::AccessLogOptions Server::access_options() const {
  const config::AccessLog& access = start_.config.log.access;
  const bool is_text =
      access.format == config::AccessLog::Format::Text ||
      (access.format == config::AccessLog::Format::Auto && log_writer_->is_terminal());
  proxy::AccessLogOptions options;
  options.format = is_text ? proxy::LogFormat::Text : proxy::LogFormat::Json;
  options.sample = access.sample;
  options.slow = access.slow.count() * base::kMillisecond;
  options.skip = access.skip;
  return options;
}

void Server::choose_workers() {
  const config::Engine& engine = start_.config.engine;
  const std::vector<int> cpus = allowed_cpus();
  workers_wanted_.count = worker_count(engine.workers, cpus.size(), cpu_quota());
  if (engine.pin && workers_wanted_.count <= cpus.size()) {
    workers_wanted_.cpus.assign(cpus.begin(),
                                cpus.begin() + static_cast<std::ptrdiff_t>(workers_wanted_.count));
  }
}

// The first snapshot, then the threads that read it, then the loop that changes it.
std::expected<void, Failure> Server::start_workers(std::vector<config::Diagnostic>& diagnostics) {
  const char* dns_servers = std::getenv("ENGINE_DNS_SERVERS");
  published_ = std::make_unique<route::Published>(workers_wanted_.count);
  mailboxes_ = std::make_unique<route::Mailboxes>(workers_wanted_.count, [this] { ring_->wake(); });
  listeners_ = std::make_unique<control::Listeners>(workers_wanted_.count,
                                                    [this] { published_->collect(); });
  listeners_->inherit(inheritance_.sockets);
  resolver_ = std::make_unique<control::Resolver>(*ring_, *timers_,
                                                  dns_servers == nullptr ? "" : dns_servers,
                                                  [this] { state_->refresh_addresses(); });
  certificates_ = std::make_unique<control::Certificates>(state_directory_);
  state_ = std::make_unique<control::State>(
      control::State::Parts{*ring_, *timers_, *published_, *listeners_, *resolver_, *certificates_,
                            target_tls_, [this] { workers_->notify(); }});
  reload_ = std::make_unique<control::Reload>(source_, start_, *state_);
  workers_wanted_.ask_for_certificate = [this](const std::string& name) {
    control_->want_certificate(name);
  };
  workers_ = std::make_unique<Workers>(workers_wanted_, *published_, *mailboxes_, log_writer_.get(),
                                       [this] { control_->on_worker_ended(); });
  api_ = std::make_unique<ControlApi>(ControlApi::Parts{
      .operations = {*ring_, *timers_, *state_, *resolver_, target_tls_, *mailboxes_,
                     state_directory_, [this] { workers_->notify(); },
                     [this](const std::string& reason) { control_->ask_to_stop(reason); }},
      .reload = [this]() -> control::Reload& { return *reload_; },
      .control = [this]() -> control::Control& { return *control_; },
      .workers = [this]() -> const Workers& { return *workers_; },
      .certificates = *certificates_,
      .published = *published_,
      .worker_count = workers_wanted_.count});
  if (auto started = begin_to_serve(diagnostics); !started) {
    api_->close();
    while (!api_->closed()) turn();
    return started;
  }
  control_ = std::make_unique<control::Control>(control::Control::Parts{
      *ring_, *timers_, *state_, *reload_, *resolver_, workers_wanted_.count,
      [this](base::Time grace) { workers_->stop(grace); },
      [this] {
        if (log_writer_ != nullptr) log_writer_->reopen();
      },
      [this] { api_->upgrade(); }, [this] { api_->hear_workers(); }, [this] { api_->close(); },
      [this] { return api_->closed(); }});
  api_->serve();
  // Before the first connection: whoever gets an answer can rely on the files being watched.
  if (source_.path != "-") control_->watch_files(loaded_at_);
  if (auto started = workers_->start(); !started) {
    control_->abandon();
    return started;
  }
  if (log_writer_ != nullptr) log_writer_->start();
  if (const std::string failure = resolver_->open(); !failure.empty()) {
    log::error("names cannot be resolved", {{"cause", failure}});
  }
  return {};
}

std::expected<void, Failure> Server::begin_to_serve(std::vector<config::Diagnostic>& diagnostics) {
  if (auto opened = api_->open(start_.config.admin, inheritance_.from); !opened) return opened;
  return state_->adopt(std::move(start_.config), diagnostics);
}

void Server::turn() {
  ring_->submit_and_wait(timers_->next_deadline());
  ring_->dispatch();
  timers_->advance(ring_->now());
}

void Server::say_started(const std::vector<config::Diagnostic>& diagnostics) const {
  control::log_diagnostics(diagnostics);
  log::info("ring", {{"capabilities", workers_->ring_capabilities()}});
  for (const auto& listen : state_->snapshot()->listens)
    log::info("listening", {{"address", listen->text()}});
  log::info("ready", {{"sites", std::to_string(state_->config().sites.size())},
                      {"workers", std::to_string(workers_wanted_.count)},
                      {"generation", std::to_string(state_->generation())}});
}

void Server::say_stopped() const {
  const route::Counters& totals = workers_->totals();
  const std::uint64_t dropped = log_writer_ == nullptr ? 0 : log_writer_->dropped();
  log::info("stopped", {{"requests", std::to_string(totals.requests.get())},
                        {"connections", std::to_string(totals.connections.get())},
                        {"responses_5xx", std::to_string(totals.responses_5xx.get())},
                        {"failed", std::to_string(totals.failed_streams.get())},
                        {"log_lines_dropped", std::to_string(dropped)}});
}

void set_up_log(const config::Log& settings) {
  log::set_sink(&write_to_stderr);
  if (settings.access.format == config::AccessLog::Format::Json) log::set_format(log::Format::Json);
}

}  // namespace

int run(const cli::RunOptions& options) {
  const base::Time loaded_at = base::wall_now();
  config::Result start = cli::read_config(options);
  cli::say_problems(options, start);
  if (!start.ok()) return cli::exit_code_of(start);
  set_up_log(start.config.log);
  Server server(options, std::move(start), loaded_at);
  const auto exit_code = server.run();
  if (exit_code) return *exit_code;
  cli::say_error(exit_code.error().message);
  if (!exit_code.error().fix.empty()) cli::say_fix(exit_code.error().fix);
  return exit_code.error().exit_code;
}

}  // namespace engine::server
