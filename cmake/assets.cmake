# Files that travel inside the binary: content/ and the built page (web/dist).
set(ASSET_SOURCES)
