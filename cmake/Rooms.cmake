# SPDX-License-Identifier: LGPL-2.1-or-later
# Rooms: static libraries that see only the headers of the rooms they name.
#
# Each room has an include folder of its own with one link in it, so that "core/plan.h" is found
# only by those who named core. include/ (gpuswitch/...) is for everybody.

set(GPUSWITCH_VIEWS "${CMAKE_BINARY_DIR}/views")

function(gpuswitch_view name folder)
        file(MAKE_DIRECTORY "${GPUSWITCH_VIEWS}/${name}")
        if(NOT EXISTS "${GPUSWITCH_VIEWS}/${name}/${name}")
                file(CREATE_LINK "${folder}" "${GPUSWITCH_VIEWS}/${name}/${name}" SYMBOLIC)
        endif()
endfunction()

# Gives a target the headers and libraries of the rooms it USES.
function(gpuswitch_use target)
        cmake_parse_arguments(ARG "" "" "USES;LIBRARIES" ${ARGN})
        target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include")
        foreach(room IN LISTS ARG_USES)
                target_include_directories(${target} PRIVATE "${GPUSWITCH_VIEWS}/${room}")
                target_link_libraries(${target} PRIVATE room-${room})
        endforeach()
        target_link_libraries(${target} PRIVATE ${ARG_LIBRARIES})
endfunction()

function(gpuswitch_room name)
        cmake_parse_arguments(ARG "" "" "USES;LIBRARIES" ${ARGN})
        set(folder "${PROJECT_SOURCE_DIR}/daemon/${name}")
        file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.c")
        gpuswitch_view(${name} "${folder}")
        if(NOT sources)
                message(FATAL_ERROR "room ${name} has no sources in ${folder}")
        endif()
        add_library(room-${name} STATIC ${sources})
        target_include_directories(room-${name} PRIVATE "${GPUSWITCH_VIEWS}/${name}")
        gpuswitch_use(room-${name} USES ${ARG_USES} LIBRARIES ${ARG_LIBRARIES})
endfunction()

# A program: SOURCES, or all of FOLDER (whose headers it includes as "FOLDER'S-NAME/...").
function(gpuswitch_program name)
        cmake_parse_arguments(ARG "" "FOLDER;DESTINATION" "SOURCES;USES;LIBRARIES" ${ARGN})
        if(ARG_FOLDER)
                set(folder "${PROJECT_SOURCE_DIR}/${ARG_FOLDER}")
                file(GLOB ARG_SOURCES CONFIGURE_DEPENDS "${folder}/*.c")
                get_filename_component(view "${folder}" NAME)
                gpuswitch_view(${view} "${folder}")
        endif()
        add_executable(${name} ${ARG_SOURCES})
        target_compile_definitions(${name} PRIVATE GPUSWITCH_VERSION="${PROJECT_VERSION}")
        if(ARG_FOLDER)
                target_include_directories(${name} PRIVATE "${GPUSWITCH_VIEWS}/${view}")
        endif()
        gpuswitch_use(${name} USES ${ARG_USES} LIBRARIES ${ARG_LIBRARIES})
        # Always "libexec": section 6 fixes /usr/libexec, Debian's default would be lib/.
        install(TARGETS ${name} RUNTIME DESTINATION ${ARG_DESTINATION})
endfunction()
