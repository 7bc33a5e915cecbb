# BLIS's GEMM micro-kernels. They are taken out of libblis.a one object at a time, which leaves its framework (threads,
# malloc, abort) behind, and become objects of ours: so libdnn.a holds them too and needs no BLIS where it is used.
#
# Sets DNN_BLIS_OBJECTS, and on the interface target dnn_blis the definitions that lib/gemm asks for:
#   DNNK_HAVE_BLIS_SKX, DNNK_HAVE_BLIS_HASWELL, DNNK_HAVE_BLIS_ARMV8A   the kernel pair of that name is linked in
#   DNNK_BLIS_SHARED                                                    libblis.so chooses, through bli_gks_query_cntx()
# dnn_blis_header is for the files that include <blis.h>.
add_library(dnn_blis INTERFACE)
add_library(dnn_blis_header INTERFACE)
set(DNN_BLIS_FOLDER ${PROJECT_BINARY_DIR}/blis)
set(DNN_BLIS_OBJECTS)
set(DNN_BLIS_LIBS_PRIVATE)

# Whether the source compiles (or links, with objects in ARGN); only success is remembered, so that a BLIS installed
# after a failure is seen.
function(dnn_blis_try variable source)
  set(CMAKE_REQUIRED_QUIET ON)
  set(CMAKE_REQUIRED_INCLUDES ${DNN_BLIS_FOLDER}/include ${DNN_BLIS_INCLUDE})
  if(ARGN)
    set(CMAKE_REQUIRED_LIBRARIES ${ARGN} m)
  else()
    set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  endif()
  check_c_source_compiles("${source}" ${variable})
  if(NOT ${variable})
    unset(${variable} CACHE)
  endif()
  set(${variable} ${${variable}} PARENT_SCOPE)
endfunction()

# Extracts the archive members that define `symbols` into <build>/blis, and tries to link the kernels from them alone.
function(dnn_blis_kernels definition)
  set(objects)
  foreach(symbol IN LISTS ARGN)
    if(NOT DNN_BLIS_INDEX MATCHES "libblis\\.a:([A-Za-z0-9_.]+\\.o): *[0-9a-f]+ T ${symbol}\n")
      return()
    endif()
    list(APPEND objects ${CMAKE_MATCH_1})
  endforeach()
  list(REMOVE_DUPLICATES objects)
  execute_process(COMMAND ${CMAKE_AR} xo ${DNN_BLIS_ARCHIVE} ${objects} WORKING_DIRECTORY ${DNN_BLIS_FOLDER}
    COMMAND_ERROR_IS_FATAL ANY)
  list(TRANSFORM objects PREPEND ${DNN_BLIS_FOLDER}/)
  foreach(symbol IN LISTS ARGN)
    # Called with the twelve arguments of BLIS 0.9 and later: an older one, without m and n, does not pass.
    dnn_blis_try(DNN_BLIS_DECLARES_${symbol}
      "#include <blis.h>\nvoid call(void) { ${symbol}(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0); }")
    dnn_blis_try(DNN_BLIS_LINKS_${symbol} "void ${symbol}(void);\nint main(void) { ${symbol}(); return 0; }" ${objects})
    if(NOT DNN_BLIS_DECLARES_${symbol} OR NOT DNN_BLIS_LINKS_${symbol})
      return()
    endif()
  endforeach()
  target_compile_definitions(dnn_blis INTERFACE ${definition})
  set(DNN_BLIS_OBJECTS ${DNN_BLIS_OBJECTS} ${objects} PARENT_SCOPE)
endfunction()

set(DNN_BLIS_MISSING
  "install the package libblis-dev (BLIS 0.9 or later), or take the slower reference kernels with -DDNN_BLIS=none")
if(NOT DNN_BLIS STREQUAL none)
  find_path(DNN_BLIS_INCLUDE blis.h PATH_SUFFIXES blis)
  # A blis.h made for OpenMP includes its header, which clang has not and no kernel uses: an empty one stands in.
  if(NOT EXISTS ${DNN_BLIS_FOLDER}/include/omp.h)
    file(WRITE ${DNN_BLIS_FOLDER}/include/omp.h "")
  endif()
  target_include_directories(dnn_blis_header SYSTEM INTERFACE ${DNN_BLIS_FOLDER}/include ${DNN_BLIS_INCLUDE})
endif()

if(DNN_BLIS STREQUAL static)
  find_library(DNN_BLIS_ARCHIVE libblis.a)
  if(NOT DNN_BLIS_ARCHIVE OR NOT DNN_BLIS_INCLUDE)
    message(FATAL_ERROR "libblis.a or blis.h not found: ${DNN_BLIS_MISSING}")
  endif()
  execute_process(COMMAND ${CMAKE_NM} -A --defined-only ${DNN_BLIS_ARCHIVE} OUTPUT_VARIABLE DNN_BLIS_INDEX ERROR_QUIET)
  if(DNN_X86_64)
    dnn_blis_kernels(DNNK_HAVE_BLIS_SKX bli_sgemm_skx_asm_32x12_l2 bli_dgemm_skx_asm_16x14)
    dnn_blis_kernels(DNNK_HAVE_BLIS_HASWELL bli_sgemm_haswell_asm_6x16 bli_dgemm_haswell_asm_6x8)
  elseif(DNN_AARCH64)
    dnn_blis_kernels(DNNK_HAVE_BLIS_ARMV8A bli_sgemm_armv8a_asm_8x12 bli_dgemm_armv8a_asm_6x8)
  endif()
  if(NOT DNN_BLIS_OBJECTS)
    message(FATAL_ERROR "no usable kernel for ${CMAKE_SYSTEM_PROCESSOR} in ${DNN_BLIS_ARCHIVE}: ${DNN_BLIS_MISSING}")
  endif()
elseif(DNN_BLIS STREQUAL shared)
  find_library(DNN_BLIS_LIBRARY libblis.so)
  if(NOT DNN_BLIS_LIBRARY OR NOT DNN_BLIS_INCLUDE)
    message(FATAL_ERROR "libblis.so or blis.h not found: ${DNN_BLIS_MISSING}")
  endif()
  target_compile_definitions(dnn_blis INTERFACE DNNK_BLIS_SHARED)
  target_link_libraries(dnn_blis INTERFACE ${DNN_BLIS_LIBRARY})
  set(DNN_BLIS_LIBS_PRIVATE -lblis)
elseif(NOT DNN_BLIS STREQUAL none)
  message(FATAL_ERROR "DNN_BLIS is '${DNN_BLIS}'; it must be static, shared or none")
endif()

get_target_property(kernels dnn_blis INTERFACE_COMPILE_DEFINITIONS)
if(NOT kernels)
  set(kernels "the reference only")
endif()
message(STATUS "GEMM kernels (DNN_BLIS=${DNN_BLIS}): ${kernels}")
