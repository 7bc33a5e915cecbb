# Which processor the compiler makes code for; the build machine's name would be wrong for a cross or a 32-bit build.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_QUIET ON)
check_c_source_compiles("#ifndef __x86_64__\n#error\n#endif\nint main(void) { return 0; }" DNN_X86_64)
check_c_source_compiles("#ifndef __aarch64__\n#error\n#endif\nint main(void) { return 0; }" DNN_AARCH64)
unset(CMAKE_REQUIRED_QUIET)

# dnn_flags: the options of every object of ours, the tests' included. Nothing of it reaches a user of the library.
add_library(dnn_flags INTERFACE)
target_compile_options(dnn_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(DNN_WERROR)
  target_compile_options(dnn_flags INTERFACE -Werror)
endif()
target_compile_definitions(dnn_flags INTERFACE _DEFAULT_SOURCE) # POSIX 2008 and M_PI, which -std=c11 alone hides
if(DNN_SANITIZE)
  target_compile_options(dnn_flags INTERFACE
    -fsanitize=${DNN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(dnn_flags INTERFACE -fsanitize=${DNN_SANITIZE})
endif()

# dnn_library_flags: the library's objects on top of that. Sections let the linker drop what nobody calls.
add_library(dnn_library_flags INTERFACE)
target_link_libraries(dnn_library_flags INTERFACE dnn_flags)
target_compile_options(dnn_library_flags INTERFACE -ffunction-sections -fdata-sections -fvisibility=hidden -fPIC)
target_compile_definitions(dnn_library_flags INTERFACE DNN_BUILD)
target_include_directories(dnn_library_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/lib)

# Links a shared library that exports the symbols in `map` and no others, and leaves nothing undefined. (The
# sanitizers' runtime is undefined in a library by design, so under them that check is off.)
function(dnn_export target map)
  target_link_options(${target} PRIVATE
    LINKER:--version-script=${map} LINKER:--exclude-libs,ALL LINKER:--gc-sections)
  if(NOT DNN_SANITIZE)
    target_link_options(${target} PRIVATE LINKER:-z,defs)
  endif()
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${map})
  set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endfunction()
