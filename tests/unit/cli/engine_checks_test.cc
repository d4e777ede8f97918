// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/engine_checks.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "engine/control/runtime.h"
#include "tests/unit/cli/support.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

using Grade = Finding::Grade;

// Listens on a free port of 127.0.0.1.
class Port {
 public:
  Port() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, generic, size), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    EXPECT_EQ(::getsockname(socket_, generic, &size), 0);
    number_ = ntohs(address.sin_port);
  }
  ~Port() { close(); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  [[nodiscard]] config::Listener listener(const std::string& host = "127.0.0.1") const {
    return {.host = host, .port = number_, .where = {}};
  }
  void close() {
    ::close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
  std::uint16_t number_ = 0;
};

RunningEngine engine_with(const std::vector<std::string>& listeners) {
  return {.pid = 7, .config = "", .state_directory = "", .listeners = listeners};
}

TEST(EngineChecks, a_port_of_another_program_is_named_with_its_holder) {
  const Port port;
  for (const char* host : {"127.0.0.1", ""}) {
    const Finding finding = listen_finding(port.listener(host), std::nullopt);
    EXPECT_EQ(finding.grade, Grade::Fail);
    EXPECT_TRUE(finding.detail.ends_with("pid " + std::to_string(::getpid()))) << finding.detail;
  }
}

TEST(EngineChecks, a_port_of_the_running_engine_is_as_it_should_be) {
  const Port port;
  const std::string number = std::to_string(port.listener().port);

  const auto of_engine = listen_finding(port.listener(), engine_with({"127.0.0.1:" + number}));
  EXPECT_EQ(of_engine.grade, Grade::Ok);
  EXPECT_TRUE(of_engine.detail.ends_with("held by the running engine, pid 7")) << of_engine.detail;
  EXPECT_EQ(listen_finding(port.listener(""), engine_with({"0.0.0.0:" + number})).grade, Grade::Ok);
  EXPECT_EQ(listen_finding(port.listener(), engine_with({"127.0.0.2:" + number})).grade,
            Grade::Fail);
}

TEST(EngineChecks, a_free_port_is_said_to_be_free_and_port_0_always_is) {
  Port port;
  port.close();

  EXPECT_EQ(listen_finding(port.listener(), std::nullopt).detail,
            port.listener().text() + " is free");
  EXPECT_EQ(listen_finding({.host = "", .port = 0, .where = {}}, std::nullopt).grade, Grade::Ok);
}

TEST(EngineChecks, an_address_of_another_machine_fails) {
  const Finding finding = listen_finding({.host = "192.0.2.1", .port = 8080, .where = {}}, {});

  EXPECT_EQ(finding.grade, Grade::Fail);
  EXPECT_EQ(finding.detail, "192.0.2.1:8080: this machine has no such address");
}

TEST(EngineChecks, a_state_directory_may_be_absent_but_not_a_file) {
  const test::Machine machine;
  machine.write("file", "");

  EXPECT_EQ(state_directory_finding(machine.path("home")).grade, Grade::Ok);
  EXPECT_EQ(state_directory_finding(machine.path("not/yet")).grade, Grade::Ok);
  EXPECT_FALSE(machine.has("not"));
  EXPECT_EQ(state_directory_finding(machine.path("file")).detail,
            machine.path("file") + " is no directory");
  EXPECT_EQ(state_directory_finding(machine.path("file/below")).grade, Grade::Fail);
}

TEST(EngineChecks, a_state_directory_that_others_may_write_to_is_a_warning) {
  const test::Machine machine;
  fs::permissions(machine.path("home"), fs::perms(0777));

  const Finding finding = state_directory_finding(machine.path("home"));

  EXPECT_EQ(finding.grade, Grade::Warn);
  EXPECT_EQ(finding.fix, "chmod go-w " + machine.path("home"));
}

TEST(EngineChecks, a_broken_state_fails_and_stays_where_it_is) {
  const test::Machine machine;
  EXPECT_EQ(state_file_finding(machine.path("home")).grade, Grade::Ok);
  for (const char* text : {"", "{", "[]"}) {
    machine.write("home/state.json", text);
    EXPECT_EQ(state_file_finding(machine.path("home")).grade, Grade::Fail) << text;
    EXPECT_EQ(machine.read("home/state.json"), text);
  }
  machine.write("home/state.json", control::to_json(control::Runtime{}).dump());
  EXPECT_TRUE(state_file_finding(machine.path("home")).detail.ends_with(": 0 services"));
}

TEST(EngineChecks, the_local_ca_is_compared_with_what_the_system_has) {
  const test::Machine machine;
  EXPECT_EQ(authority_finding(machine.path("home"), machine.systems()).grade, Grade::Ok);
  fs::create_directory(machine.path("home/tls"));
  machine.write("home/tls/ca.pem", "ours");
  EXPECT_EQ(authority_finding(machine.path("home"), machine.systems()).fix, "sudo engine trust");

  machine.write("anchors/ca.crt", "an older one");
  EXPECT_EQ(authority_finding(machine.path("home"), machine.systems()).grade, Grade::Warn);
  machine.write("anchors/ca.crt", "ours");
  EXPECT_EQ(authority_finding(machine.path("home"), machine.systems()).grade, Grade::Ok);
}

}  // namespace
}  // namespace engine::cli
