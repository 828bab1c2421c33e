/* file.h - whole files, folders and descriptors.
 *
 * Owner: the caller of what is returned. Threads: any. Errors name the path. */
#pragma once
#include "base/str.h"

/* fd_close - for CLEANUP on `int fd`; -1 is fine. */
void fd_close(int *fd);
/* file_read - a whole file of at most max bytes (also of /proc, where sizes lie). ERR_TOO_LARGE beyond. */
err file_read(struct arena *arena, const char *path, size_t max, struct str *ret_text) MUST_USE;
/* file_write - replace the file durably: temporary file, fsync, rename, fsync of the folder. */
err file_write(const char *path, struct str text, unsigned mode) MUST_USE;
/* file_make_dirs - mkdir -p with `mode` for those that are new. */
err file_make_dirs(const char *path, unsigned mode) MUST_USE;
/* file_sync_folder_of - fsync of the folder that has this file: after it was made, renamed or removed. */
err file_sync_folder_of(const char *path) MUST_USE;
bool file_exists(const char *path);
err file_remove_tree(const char *path) MUST_USE;
/* write_all - all of it, over short writes and EINTR. */
err fd_write_all(int fd, struct str text) MUST_USE;
