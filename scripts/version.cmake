# SPDX-License-Identifier: GPL-3.0-or-later
# Writes engine/version.h into the build directory; called by CMakeLists.txt at every build.
set(COMMIT "unknown")
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} rev-parse --short HEAD
    OUTPUT_VARIABLE OUT ERROR_QUIET RESULT_VARIABLE FAILED OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT FAILED)
    set(COMMIT ${OUT})
  endif()
endif()

set(CONTENT "// SPDX-License-Identifier: GPL-3.0-or-later
// What this build is: version, commit and how it was compiled. Written by the build.
#pragma once

#include <string_view>

namespace engine {

inline constexpr std::string_view kVersion = \"${VERSION}\";
inline constexpr std::string_view kCommit = \"${COMMIT}\";
inline constexpr std::string_view kBuildType = \"${BUILD_TYPE}\";
inline constexpr std::string_view kSanitizers = \"${SANITIZE}\";

}  // namespace engine
")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} OLD)
endif()
if(NOT "${OLD}" STREQUAL "${CONTENT}")
  file(WRITE ${OUTPUT} "${CONTENT}")
endif()
