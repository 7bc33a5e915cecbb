# libdnn: every C file below lib/ and src/, src/io left out.
#   lib/**/*_body.c     once for each (type, instruction set): see lib/base/body.h
#   lib/**/*_avx2.c     x86-64 only, with that instruction set; likewise _avx512.c
#   lib/**/*_blis.c     includes <blis.h>, and is always optimised: that is what drops the header's inline functions,
#                       which call into BLIS's framework
#   all others          once
# Each object is compiled once, position independent, and goes into libdnn.so and libdnn.a alike.
file(GLOB_RECURSE lib_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lib/*.c)
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.c)
list(FILTER sources EXCLUDE REGEX "/src/io/")

set(DNN_OBJECTS)
set(kernel_options -ffp-contract=fast -fno-math-errno -fno-trapping-math)
set(isa_options_portable)
set(isa_options_avx2 -mavx2 -mfma)
set(isa_options_avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512)
if(DNN_X86_64)
  set(isas portable avx2 avx512)
else()
  set(isas portable)
endif()

# -O3 writes a loop several times over; that pays in float32 with the instruction sets that programs run on. Elsewhere it
# would be a third of the library's size: in float64, which checks gradients, and in what only old processors run.
function(dnn_optimise target isa type)
  if(type STREQUAL f64 OR (isa STREQUAL portable AND DNN_X86_64))
    set(level -O2)
  else()
    set(level -O3)
  endif()
  target_compile_options(${target} PRIVATE "$<$<NOT:$<CONFIG:Debug>>:${level}>")
endfunction()

# An object library of the files in ARGN; an empty list is no library.
macro(dnn_objects name)
  if(NOT "${ARGN}" STREQUAL "")
    add_library(${name} OBJECT ${ARGN})
    target_link_libraries(${name} PRIVATE dnn_library_flags dnn_blis Threads::Threads)
    list(APPEND DNN_OBJECTS $<TARGET_OBJECTS:${name}>)
  endif()
endmacro()

# Takes the files that match `regex` out of lib_sources.
macro(dnn_take result regex)
  set(${result} ${lib_sources})
  list(FILTER ${result} INCLUDE REGEX "${regex}")
  list(FILTER lib_sources EXCLUDE REGEX "${regex}")
endmacro()

dnn_take(bodies "_body\\.c$")
foreach(isa IN LISTS isas)
  foreach(type f32 f64)
    dnn_objects(dnn_body_${type}_${isa} ${bodies})
    if(bodies)
      dnn_optimise(dnn_body_${type}_${isa} ${isa} ${type})
      target_compile_options(dnn_body_${type}_${isa} PRIVATE ${kernel_options} ${isa_options_${isa}})
      target_compile_definitions(dnn_body_${type}_${isa} PRIVATE DNNK_BODY_TYPE=${type} DNNK_BODY_ISA=${isa}
        $<$<STREQUAL:${type},f64>:DNNK_BODY_F64>)
    endif()
  endforeach()
endforeach()
foreach(isa avx2 avx512)
  dnn_take(special "_${isa}\\.c$")
  if(special AND isa IN_LIST isas)
    dnn_objects(dnn_only_${isa} ${special})
    dnn_optimise(dnn_only_${isa} ${isa} f32)
    target_compile_options(dnn_only_${isa} PRIVATE ${kernel_options} ${isa_options_${isa}})
  endif()
endforeach()
dnn_take(with_blis "_blis\\.c$")
dnn_objects(dnn_with_blis ${with_blis})
if(with_blis)
  target_compile_options(dnn_with_blis PRIVATE -O2)
  target_link_libraries(dnn_with_blis PRIVATE dnn_blis_header)
endif()
dnn_objects(dnn_lib ${lib_sources})
if(lib_sources)
  target_compile_options(dnn_lib PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O3>)
endif()

# Floors 5 and 6, and what draws: code that runs once in a while, and spends its time in kernels. Compiled for size it is
# a quarter less.
set(seldom ${sources})
set(seldom_rooms audit|check|clone|inspect|look|metrics|monitor|paper|preflight|record|report|search|see|tune)
list(FILTER seldom INCLUDE REGEX "/src/(${seldom_rooms})/")
list(FILTER sources EXCLUDE REGEX "/src/(${seldom_rooms})/")
dnn_objects(dnn_seldom ${seldom})
if(seldom)
  target_compile_options(dnn_seldom PRIVATE $<$<NOT:$<CONFIG:Debug>>:-Os>)
endif()
dnn_objects(dnn_src ${sources})

add_library(dnn SHARED ${DNN_OBJECTS} ${DNN_BLIS_OBJECTS})
dnn_export(dnn ${PROJECT_SOURCE_DIR}/cmake/dnn.map)
add_library(dnn_static STATIC ${DNN_OBJECTS} ${DNN_BLIS_OBJECTS})
set_target_properties(dnn_static PROPERTIES OUTPUT_NAME dnn)
foreach(target dnn dnn_static)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
endforeach()
target_link_libraries(dnn PRIVATE $<BUILD_INTERFACE:dnn_flags> $<BUILD_INTERFACE:dnn_blis> Threads::Threads m)
target_link_libraries(dnn_static PUBLIC Threads::Threads m ${DNN_BLIS_LIBS_PRIVATE})
if(DNN_SANITIZE)
  target_link_options(dnn_static PUBLIC $<BUILD_INTERFACE:-fsanitize=${DNN_SANITIZE}>)
endif()

set_target_properties(dnn PROPERTIES EXPORT_NAME dnn)
add_library(dnn::dnn ALIAS dnn)
add_library(dnn::dnn_static ALIAS dnn_static)
