# The libraries that we stand on; docs/adr says why each.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LIBS REQUIRED IMPORTED_TARGET
  libcurl sqlite3 libfyaml libpcre2-8 hiredis libxxhash zlib libzstd openssl libseccomp libsystemd)
find_library(ARGON2 argon2 REQUIRED)
find_library(WSLAY wslay REQUIRED)
find_library(SNAPPY snappy REQUIRED)
add_library(auspex_libraries INTERFACE)
target_link_libraries(auspex_libraries INTERFACE PkgConfig::LIBS ${ARGON2} ${WSLAY} ${SNAPPY} Threads::Threads resolv m)
