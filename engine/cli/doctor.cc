// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "engine/cli/engine_checks.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/fields.h"
#include "engine/cli/machine_checks.h"
#include "engine/cli/terminal.h"

namespace engine::cli {
namespace {

using Grade = Finding::Grade;

constexpr std::size_t kGradeWidth = 4;
constexpr std::size_t kWhatWidth = 15;

std::string_view name_of(Grade grade) {
  switch (grade) {
    case Grade::Ok: return "ok";
    case Grade::Warn: return "warn";
    case Grade::Fail: return "fail";
  }
  return "";
}

bool any_failed(const Findings& findings) {
  return std::ranges::find(findings, Grade::Fail, &Finding::grade) != findings.end();
}

std::string findings_json(const Findings& findings) {
  Json list = Json::array();
  for (const Finding& each : findings) {
    list.push_back({{"grade", name_of(each.grade)},
                    {"what", each.what},
                    {"detail", each.detail},
                    {"fix", each.fix}});
  }
  return json_page(Json{{"ok", !any_failed(findings)}, {"findings", std::move(list)}});
}

}  // namespace

int run_doctor(const RunOptions& options, Output output) {
  MachineReport machine = check_machine();
  Findings findings = std::move(machine.findings);
  std::ranges::move(check_engine(options), std::back_inserter(findings));
  print(output == Output::Json ? findings_json(findings) : findings_page(findings));
  if (!machine.has_ring) return kExitEnvironment;
  return any_failed(findings) ? kExitFailed : kExitOk;
}

std::string findings_page(const Findings& findings) {
  std::string page;
  for (const Finding& each : findings) {
    page += fmt::format("{:{}}  {:{}}  {}\n", name_of(each.grade), kGradeWidth, each.what,
                        kWhatWidth, printable(each.detail));
    if (each.fix.empty()) continue;
    page += fmt::format("{:{}}  {:{}}  {}\n", "", kGradeWidth, "  fix", kWhatWidth,
                        printable(each.fix));
  }
  return page;
}

}  // namespace engine::cli
