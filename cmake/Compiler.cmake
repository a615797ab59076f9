# SPDX-License-Identifier: LGPL-2.1-or-later
# Warnings and hardening for every target.

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
        -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
        -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wcast-align -Wswitch-enum -Wno-unused-parameter
        -fno-common -fstack-protector-strong -fno-strict-aliasing)
if(GPUSWITCH_WERROR)
        add_compile_options(-Werror)
endif()
if(GPUSWITCH_SANITIZE)
        add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer)
        add_link_options(-fsanitize=address,undefined)
endif()
if(GPUSWITCH_FUZZ)
        # Undefined behaviour is a finding, and inputs are told apart by the branches they take.
        add_compile_options(-fsanitize=fuzzer-no-link -fno-sanitize-recover=all -O1)
        add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(GPUSWITCH_COVERAGE)
        # Not optimised: a branch that gcc has folded away could not be counted.
        add_compile_options(--coverage -O0)
        add_link_options(--coverage)
endif()
# Asserts guard a device that cannot be bought back: they stay in release builds.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_link_options(-Wl,-z,relro,-z,now)
