# Headers, libraries, pkg-config files and the CMake package. Everything is found relative to where it lies, so that
# `cmake --install --prefix` and a moved tree work.
include(CMakePackageConfigHelpers)
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/dnn)
set(pkgconfig_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH DNN_PC_PREFIX ${CMAKE_INSTALL_PREFIX}/${pkgconfig_folder} ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" DNN_PC_PREFIX "${DNN_PC_PREFIX}")
list(JOIN DNN_BLIS_LIBS_PRIVATE " " DNN_PC_BLIS)
set(DNN_PC_JPEG)
if(DNN_JPEG)
  set(DNN_PC_JPEG " libjpeg")
endif()

# Installs a shared and a static library, their CMake targets and their pkg-config file.
function(dnn_install name)
  install(TARGETS ${name} ${name}_static EXPORT ${name}Targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT ${name}Targets NAMESPACE dnn:: DESTINATION ${config_folder})
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${pkgconfig_folder})
endfunction()

dnn_install(dnn)
set(headers REGEX "/io(_[a-z]+)?\\.h$" EXCLUDE)
if(TARGET dnn_io)
  dnn_install(dnn_io)
  set(headers)
endif()
install(DIRECTORY include/dnn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${headers})
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# gdb looks for an object's printers in a tree that mirrors where objects lie; so this place is known when it is installed.
install(CODE "get_filename_component(prefix \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
  set(beside \"\${prefix}/${CMAKE_INSTALL_DATADIR}/gdb/auto-load\${prefix}/${CMAKE_INSTALL_LIBDIR}\")
  file(INSTALL \"${PROJECT_SOURCE_DIR}/bindings/gdb/dnn_gdb.py\" DESTINATION \"\${beside}\"
    RENAME \"libdnn.so.${PROJECT_VERSION}-gdb.py\")")

configure_package_config_file(cmake/dnnConfig.cmake.in dnnConfig.cmake INSTALL_DESTINATION ${config_folder})
# Until 1.0 a minor version may break what was there, as the SONAME says.
write_basic_package_version_file(dnnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dnnConfig.cmake ${PROJECT_BINARY_DIR}/dnnConfigVersion.cmake
  DESTINATION ${config_folder})
