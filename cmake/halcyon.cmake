# What every target of the project shares: warnings, sanitizers, the include root, ccache, tests.

add_library(halcyon_options INTERFACE)
add_library(halcyon::options ALIAS halcyon_options)
target_include_directories(halcyon_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(halcyon_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Werror)

set(HALCYON_SANITIZE "" CACHE STRING "Sanitizers for the whole build, as given to -fsanitize")
option(HALCYON_SANITIZE_ALL "Every check of the undefined-behaviour sanitizer, the dear ones too" OFF)
if(HALCYON_SANITIZE)
  add_compile_options(-fsanitize=${HALCYON_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HALCYON_SANITIZE})
  # Checks called, not inlined: half the code to compile, and the tests are no slower for it.
  if(HALCYON_SANITIZE MATCHES "address" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options("SHELL:-mllvm -asan-instrumentation-with-call-threshold=0")
  endif()
  # A fifth of the compiler's work for what AddressSanitizer stops at too; scripts/test --full has all.
  if(HALCYON_SANITIZE MATCHES "undefined" AND NOT HALCYON_SANITIZE_ALL)
    add_compile_options(-fno-sanitize=null,vptr,object-size)
  endif()
endif()

# The fuzzer sees only the branches of code that is instrumented for it: that of the rooms.
if(HALCYON_FUZZ)
  set(halcyon_fuzzed -fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()

find_program(HALCYON_CCACHE ccache)
if(HALCYON_CCACHE)
  # Without the first ccache gives up on every file that uses a precompiled header; without the second it
  # runs the preprocessor once more on every file that it does not know yet.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1 ${HALCYON_CCACHE})
endif()
find_program(HALCYON_LLD ld.lld)
if(HALCYON_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# What nearly every file includes, parsed once a build instead of once a file. Every file still
# includes what it uses: the preset "clang" builds without this. A library and a program differ in
# -fPIC and -fPIE, and tests in -O0, so there is one for the rooms and one for the tests.
find_package(fmt REQUIRED)
target_link_libraries(halcyon_options INTERFACE fmt::fmt)
set(house_words <algorithm> <array> <atomic> <charconv> <chrono> <cstdint> <cstring> <filesystem> <fstream>
                <functional> <map> <memory> <optional> <set> <span> <stdexcept> <string> <string_view>
                <utility> <variant> <vector> <fmt/format.h>)
file(WRITE ${CMAKE_BINARY_DIR}/precompiled/rooms.cpp "namespace halcyon {}\n")
file(WRITE ${CMAKE_BINARY_DIR}/precompiled/tests.cpp "int main() {}\n")
add_library(halcyon_precompiled_rooms STATIC ${CMAKE_BINARY_DIR}/precompiled/rooms.cpp)
target_link_libraries(halcyon_precompiled_rooms PRIVATE halcyon_options)
target_compile_options(halcyon_precompiled_rooms PRIVATE ${halcyon_fuzzed})
target_precompile_headers(halcyon_precompiled_rooms PRIVATE ${house_words})
add_executable(halcyon_precompiled_tests ${CMAKE_BINARY_DIR}/precompiled/tests.cpp)
target_link_libraries(halcyon_precompiled_tests PRIVATE halcyon_options GTest::gtest GTest::gmock)
# What is tested is optimised as it ships; the tests themselves need not wait for the optimiser.
set(halcyon_test_optimisation $<$<CONFIG:Release>:-O0>)
if(HALCYON_SANITIZE)
  set(halcyon_test_optimisation -O0)
endif()
target_compile_options(halcyon_precompiled_tests PRIVATE ${halcyon_test_optimisation})
target_precompile_headers(halcyon_precompiled_tests PRIVATE ${house_words} <gmock/gmock.h> <gtest/gtest.h>
                          <nlohmann/json.hpp> <rapidcheck.h> <rapidcheck/gtest.h>)

# Where a preset asks for it several files are compiled as one: half of every file is headers and the
# templates of neighbours. What a file needs it includes all the same: "dev" and "clang" compile each
# by itself. halcyon_alone(FILES...): those that use a name of a neighbour's for something else.
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A class with a member of an unnamed namespace is dangerous in a header, which such a file now looks like.
  add_compile_options(-Wno-subobject-linkage)
endif()
function(halcyon_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# halcyon_room(NAME [COLD] sources... PUBLIC libs... PRIVATE libs...): one library a room,
# halcyon::NAME; COLD: never worth an optimiser's minutes in a build with sanitizers.
function(halcyon_room name)
  cmake_parse_arguments(ARG "COLD" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(halcyon_${name} STATIC ${ARG_SOURCES})
  add_library(halcyon::${name} ALIAS halcyon_${name})
  target_link_libraries(halcyon_${name} PUBLIC halcyon::options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  target_compile_options(halcyon_${name} PRIVATE ${halcyon_fuzzed})
  if(ARG_COLD AND HALCYON_SANITIZE)
    target_compile_options(halcyon_${name} PRIVATE -O0)
  else()
    target_precompile_headers(halcyon_${name} REUSE_FROM halcyon_precompiled_rooms)
  endif()
endfunction()

# halcyon_test(NAME [WHOLE] SOURCES ... LIBS ...): one test program; every TEST in it is a ctest case, or
# with WHOLE the program is one: where its tests share what is dear to make. Under sanitizers all are,
# since the start of a process costs more there than most tests.
# Discovery happens when the tests run, so that building never executes a program. What may take
# longest begins first.
include(GoogleTest)
add_custom_target(halcyon_tsan_tests)
function(halcyon_test name)
  cmake_parse_arguments(ARG "WHOLE" "TIMEOUT" "SOURCES;LIBS;LABEL" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(HALCYON_SANITIZE)
    set(ARG_WHOLE TRUE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE halcyon::options ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE HALCYON_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             HALCYON_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_compile_options(${name} PRIVATE ${halcyon_test_optimisation})
  target_precompile_headers(${name} REUSE_FROM halcyon_precompiled_tests)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  # A test with the label "tsan" shares memory between threads: scripts/test runs it under
  # ThreadSanitizer, and only those are built for it.
  if("tsan" IN_LIST ARG_LABEL)
    add_dependencies(halcyon_tsan_tests ${name})
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} COST ${ARG_TIMEOUT} LABELS "${ARG_LABEL}")
  else()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}."
                         PROPERTIES TIMEOUT ${ARG_TIMEOUT} COST ${ARG_TIMEOUT} LABELS "${ARG_LABEL}")
  endif()
endfunction()

# halcyon_fuzz(NAME SOURCES ... LIBS ...): a libFuzzer target, only in the clang fuzz build.
function(halcyon_fuzz name)
  if(NOT HALCYON_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE halcyon::options ${ARG_LIBS})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()
