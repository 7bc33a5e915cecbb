# What is promised about the headers, the binaries, the sources and the installed package.
find_package(Python3 COMPONENTS Interpreter REQUIRED)

# A test of this file: a command that must succeed. Anything after COMMAND is the command line.
function(packaging_test name)
  add_test(NAME ${name} ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS packaging TIMEOUT 120)
endfunction()

set(libraries dnn=$<TARGET_FILE:dnn>)
if(TARGET dnn_io)
  list(APPEND libraries dnn_io=$<TARGET_FILE:dnn_io>)
endif()
packaging_test(symbol_list COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/cmake/symbols.py --check ${libraries})
packaging_test(headers_alone COMMAND Python3::Interpreter abi/headers.py ${PROJECT_SOURCE_DIR}/include
  WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
packaging_test(source_lint COMMAND Python3::Interpreter lint/sources.py ${PROJECT_SOURCE_DIR}
  WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
packaging_test(guide_lint COMMAND Python3::Interpreter lint/guide.py ${PROJECT_SOURCE_DIR}
  WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
packaging_test(lint_fails COMMAND Python3::Interpreter lint/lint_test.py WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})

# The limits of libdnn are those of its binary as users get it; a debug build is larger, and nobody's promise.
if(CMAKE_BUILD_TYPE STREQUAL Release)
  set(blis $<$<STREQUAL:${DNN_BLIS},shared>:libblis>)
  packaging_test(imports_dnn COMMAND Python3::Interpreter lint/imports.py $<TARGET_FILE:dnn> 2200000 ${blis}
    COMMAND_EXPAND_LISTS WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  if(TARGET dnn_io)
    packaging_test(imports_dnn_io COMMAND Python3::Interpreter lint/imports.py $<TARGET_FILE:dnn_io> 500000
      libdnn libz libpng16 libjpeg WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
endif()

# A host that loads and unloads the library at will.
find_package(Threads REQUIRED)
add_executable(unload abi/unload.c)
target_include_directories(unload PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(unload PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
packaging_test(unload COMMAND unload $<TARGET_FILE:dnn>)

packaging_test(install_and_use COMMAND bash install/install_test.sh
  ${PROJECT_BINARY_DIR} ${CMAKE_C_COMPILER} ${CMAKE_COMMAND} ${CMAKE_GENERATOR}
  WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
