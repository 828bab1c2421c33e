# Files that travel inside the binary: content/ and the built page (web/dist). tools/embed.c writes one blob, which
# the table includes with .incbin; src/base/asset.h finds them by the path that they have here.
file(GLOB_RECURSE ASSET_FILES RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS content/* web/dist/* web/public/*)
list(FILTER ASSET_FILES EXCLUDE REGEX "/\\.|\\.map$|\\.gz$")
set(ASSET_SOURCES_OF_BLOB ${ASSET_FILES})
if(NOT "web/dist/index.html" IN_LIST ASSET_FILES)
  # No page was built: its place is taken by one that says how to.
  list(APPEND ASSET_FILES "web/dist/index.html\tcmake/unbuilt.html")
  list(APPEND ASSET_SOURCES_OF_BLOB cmake/unbuilt.html)
endif()
list(SORT ASSET_FILES COMPARE STRING)
list(TRANSFORM ASSET_SOURCES_OF_BLOB PREPEND ${CMAKE_SOURCE_DIR}/)
list(JOIN ASSET_FILES "\n" ASSET_LIST)
file(CONFIGURE OUTPUT assets.list CONTENT "@ASSET_LIST@\n" @ONLY)

add_executable(embed tools/embed.c)
target_link_libraries(embed PRIVATE auspex_libraries)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/assets.c ${CMAKE_BINARY_DIR}/assets.bin
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:embed> ${CMAKE_SOURCE_DIR} assets.list assets.bin assets.c
  DEPENDS embed ${CMAKE_BINARY_DIR}/assets.list ${ASSET_SOURCES_OF_BLOB}
  WORKING_DIRECTORY ${CMAKE_BINARY_DIR} VERBATIM COMMENT "Embedding content/ and web/dist/")
set(ASSET_SOURCES ${CMAKE_BINARY_DIR}/assets.c)
# The blob is read by the assembler, which dependency scanning does not see; it is named from the build folder.
set_source_files_properties(${ASSET_SOURCES} PROPERTIES
  OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/assets.bin COMPILE_OPTIONS -Wa,-I${CMAKE_BINARY_DIR})
