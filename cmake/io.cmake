# dnn_io: every C file below src/io. What reads and writes files of other people's formats, and needs their libraries.
# It is a guest of the core: it uses the public headers alone, as any program does.
file(GLOB_RECURSE io_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/io/*.c)
if(NOT io_sources)
  return()
endif()

find_package(ZLIB)
find_package(PNG)
if(NOT ZLIB_FOUND OR NOT PNG_FOUND)
  message(FATAL_ERROR
    "dnn_io needs zlib and libpng: install the packages zlib1g-dev and libpng-dev, or leave it out with -DDNN_IO=OFF")
endif()

# Without libjpeg, JPEG files are refused, with that reason.
find_package(JPEG)
set(io_libraries ZLIB::ZLIB PNG::PNG)
if(DNN_JPEG AND NOT JPEG_FOUND)
  message(FATAL_ERROR
    "JPEG files need libjpeg: install libjpeg62-turbo-dev (libjpeg-turbo8-dev, libjpeg-turbo-devel), or leave them out "
    "with -DDNN_JPEG=OFF")
endif()
if(DNN_JPEG)
  list(FILTER io_sources EXCLUDE REGEX "/jpeg_none\\.c$")
  list(APPEND io_libraries JPEG::JPEG)
else()
  list(FILTER io_sources EXCLUDE REGEX "/jpeg_(job|memory|read|write)\\.c$")
endif()

add_library(dnn_io_objects OBJECT ${io_sources})
target_link_libraries(dnn_io_objects PRIVATE dnn_library_flags ${io_libraries})

add_library(dnn_io SHARED $<TARGET_OBJECTS:dnn_io_objects>)
dnn_export(dnn_io ${PROJECT_SOURCE_DIR}/cmake/dnn_io.map)
target_link_libraries(dnn_io PUBLIC dnn PRIVATE $<BUILD_INTERFACE:dnn_flags> ${io_libraries} Threads::Threads m)
add_library(dnn_io_static STATIC $<TARGET_OBJECTS:dnn_io_objects>)
target_link_libraries(dnn_io_static PUBLIC dnn_static ${io_libraries} Threads::Threads m)
set_target_properties(dnn_io_static PROPERTIES OUTPUT_NAME dnn_io)
set_target_properties(dnn_io dnn_io_static PROPERTIES LINKER_LANGUAGE C)
add_library(dnn::dnn_io ALIAS dnn_io)
add_library(dnn::dnn_io_static ALIAS dnn_io_static)
