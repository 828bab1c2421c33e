/* powercut_vfs_test.c - the recording VFS, and disks after a power cut. */
#include "db/powercut.h"

#include "base/file.h"
#include "base/test.h"
#include "base/vec.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 4, SECTOR = 512 };
enum op_type { OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_DELETE, OP_MARK };

struct op {
    enum op_type type;
    int file; /* index into names */
    int64_t offset, length;
    unsigned char *bytes;
    bool folder; /* OP_DELETE, OP_SYNC: the folder was synced too, and with it all deletions so far */
    struct powercut_mark mark;
};

static VEC(struct op) ops;
static char recorded_folder[256];
static char names[FILES_MAX][64];
static int name_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs vfs, *real;
static _Atomic bool fail_writes, fail_syncs;

struct recorded_file {
    sqlite3_file base;
    int file;         /* -1: not recorded */
    bool sync_folder; /* at its next sync, as the unix VFS does for a new journal or log */
    sqlite3_file *real;
};

static struct op *push_locked(enum op_type type, int file)
{
    struct op *op = vec_push(&ops, NULL);

    op->type = type;
    op->file = file;
    return op;
}

static int file_number_locked(const char *path)
{
    size_t length = strlen(recorded_folder);

    if (!path || strncmp(path, recorded_folder, length) != 0)
        return -1;
    const char *name = path + length + 1;
    if (strstr(name, "-shm") || strstr(name, ".backup"))
        return -1;
    for (int i = 0; i < name_count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    if (name_count == FILES_MAX)
        abort();
    snprintf(names[name_count], sizeof(names[0]), "%s", name);
    return name_count++;
}

static int file_pwrite(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct recorded_file *self = (struct recorded_file *)file;

    if (atomic_load(&fail_writes))
        return SQLITE_FULL;
    if (self->file >= 0) {
        pthread_mutex_lock(&lock);
        struct op *op = push_locked(OP_WRITE, self->file);
        op->offset = offset;
        op->length = amount;
        op->bytes = malloc((size_t)amount);
        if (!op->bytes)
            abort();
        memcpy(op->bytes, bytes, (size_t)amount);
        pthread_mutex_unlock(&lock);
    }
    return self->real->pMethods->xWrite(self->real, bytes, amount, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct recorded_file *self = (struct recorded_file *)file;

    if (self->file >= 0) {
        pthread_mutex_lock(&lock);
        push_locked(OP_TRUNCATE, self->file)->length = size;
        pthread_mutex_unlock(&lock);
    }
    return self->real->pMethods->xTruncate(self->real, size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct recorded_file *self = (struct recorded_file *)file;

    (void)flags;
    if (atomic_load(&fail_syncs))
        return SQLITE_IOERR_FSYNC;
    if (self->file >= 0) {
        pthread_mutex_lock(&lock);
        push_locked(OP_SYNC, self->file)->folder = self->sync_folder;
        self->sync_folder = false;
        pthread_mutex_unlock(&lock);
    }
    return SQLITE_OK;
}

/* What only passes through. */
static sqlite3_file *pass(sqlite3_file *file)
{
    return ((struct recorded_file *)file)->real;
}
static int file_close(sqlite3_file *file)
{
    return pass(file)->pMethods->xClose(pass(file));
}
static int file_pread(sqlite3_file *file, void *to, int amount, sqlite3_int64 offset)
{
    return pass(file)->pMethods->xRead(pass(file), to, amount, offset);
}
static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return pass(file)->pMethods->xFileSize(pass(file), ret_size);
}
static int file_lock(sqlite3_file *file, int level)
{
    return pass(file)->pMethods->xLock(pass(file), level);
}
static int file_unlock(sqlite3_file *file, int level)
{
    return pass(file)->pMethods->xUnlock(pass(file), level);
}
static int file_check_lock(sqlite3_file *file, int *ret_held)
{
    return pass(file)->pMethods->xCheckReservedLock(pass(file), ret_held);
}
static int file_control(sqlite3_file *file, int op, void *arg)
{
    return pass(file)->pMethods->xFileControl(pass(file), op, arg);
}
static int file_sector_size(sqlite3_file *file)
{
    return pass(file)->pMethods->xSectorSize(pass(file));
}
static int file_characteristics(sqlite3_file *file)
{
    return pass(file)->pMethods->xDeviceCharacteristics(pass(file));
}
static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret_at)
{
    return pass(file)->pMethods->xShmMap(pass(file), page, size, extend, ret_at);
}
static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return pass(file)->pMethods->xShmLock(pass(file), offset, count, flags);
}
static void file_shm_barrier(sqlite3_file *file)
{
    pass(file)->pMethods->xShmBarrier(pass(file));
}
static int file_shm_unmap(sqlite3_file *file, int delete)
{
    return pass(file)->pMethods->xShmUnmap(pass(file), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_pread,
    .xWrite = file_pwrite,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *self, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
    struct recorded_file *recorded = (struct recorded_file *)file;

    (void)self;
    recorded->real = (sqlite3_file *)(recorded + 1);
    int code = real->xOpen(real, path, recorded->real, flags, ret_flags);
    recorded->sync_folder = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL));
    recorded->base.pMethods = recorded->real->pMethods ? &methods : NULL;
    pthread_mutex_lock(&lock);
    recorded->file = file_number_locked(path);
    pthread_mutex_unlock(&lock);
    return code;
}

static int vfs_delete(sqlite3_vfs *self, const char *path, int sync_folder)
{
    (void)self;
    pthread_mutex_lock(&lock);
    int file = file_number_locked(path);
    if (file >= 0)
        push_locked(OP_DELETE, file)->folder = sync_folder;
    pthread_mutex_unlock(&lock);
    return real->xDelete(real, path, 0);
}

void powercut_start(const char *folder)
{
    snprintf(recorded_folder, sizeof(recorded_folder), "%s", folder);
    for (size_t i = 0; i < ops.count; i++)
        free(ops.at[i].bytes);
    vec_clear(&ops);
    name_count = 0;
    sqlite3_initialize();
    real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.zName = "powercut";
    vfs.szOsFile = (int)sizeof(struct recorded_file) + real->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    sqlite3_vfs_register(&vfs, 0);
}

void powercut_mark(int64_t kind, int64_t number, const char *text)
{
    pthread_mutex_lock(&lock);
    push_locked(OP_MARK, -1)->mark = (struct powercut_mark){ kind, number, text };
    pthread_mutex_unlock(&lock);
}

size_t powercut_count(void)
{
    return ops.count;
}

void powercut_marks(size_t place, void (*see)(void *arg, const struct powercut_mark *mark), void *arg)
{
    for (size_t i = 0; i < place; i++)
        if (ops.at[i].type == OP_MARK)
            see(arg, &ops.at[i].mark);
}

void powercut_fail_writes(bool fail)
{
    atomic_store(&fail_writes, fail);
}

void powercut_fail_syncs(bool fail)
{
    atomic_store(&fail_syncs, fail);
}

struct image {
    unsigned char *bytes;
    size_t length, room;
    bool exists;
};

static void image_write(struct image *image, int64_t offset, const unsigned char *bytes, size_t length)
{
    size_t end = (size_t)offset + length;

    if (end > image->room) {
        size_t room = end * 2;
        image->bytes = realloc(image->bytes, room);
        if (!image->bytes)
            abort();
        memset(image->bytes + image->room, 0, room - image->room);
        image->room = room;
    }
    if (end > image->length)
        image->length = end;
    memcpy(image->bytes + offset, bytes, length);
    image->exists = true;
}

static void image_truncate(struct image *image, size_t length)
{
    if (length < image->length) {
        memset(image->bytes + length, 0, image->length - length);
        image->length = length;
    }
}

static bool lucky(uint64_t *luck)
{
    if (*luck < 2)
        return *luck == 1;
    *luck ^= *luck << 13;
    *luck ^= *luck >> 7;
    *luck ^= *luck << 17;
    return (*luck >> 33) % 2;
}

/* apply - each sector of a write that nobody synced is there, or is not; luck 1: all of it is. */
static void apply(struct image *image, const struct op *op, uint64_t *luck)
{
    switch (op->type) {
    case OP_WRITE:
        for (int64_t at = 0; at < op->length;) {
            int64_t step = SECTOR - (op->offset + at) % SECTOR;
            if (step > op->length - at)
                step = op->length - at;
            if (lucky(luck))
                image_write(image, op->offset + at, op->bytes + at, (size_t)step);
            at += step;
        }
        break;
    case OP_TRUNCATE:
        if (lucky(luck))
            image_truncate(image, (size_t)op->length);
        break;
    case OP_DELETE:
        if (lucky(luck)) {
            free(image->bytes);
            *image = (struct image){ 0 };
        }
        break;
    case OP_SYNC:
    case OP_MARK:
        break;
    }
}

static void store(const struct image *image, const char *folder, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
    if (!image->exists)
        return;
    int fd CLEANUP(fd_close) = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_TRUE(fd >= 0);
    ASSERT_OK(fd_write_all(fd, (struct str){ (const char *)image->bytes, image->length }));
}

/* synced_until - the first op on the file that a cut may undo. */
static size_t synced_until(int file, size_t place)
{
    size_t synced = 0, deleted = 0;

    for (size_t i = 0; i < place; i++) {
        const struct op *op = &ops.at[i];
        if (op->type == OP_DELETE && op->file == file)
            deleted = i + 1;
        if (op->type == OP_SYNC && op->file == file)
            synced = i + 1;
        if ((op->type == OP_SYNC || op->type == OP_DELETE) && op->folder && deleted > synced)
            synced = deleted;
    }
    return synced;
}

void powercut_image(size_t place, uint64_t luck, const char *folder)
{
    char path[512];

    for (int file = 0; file < name_count; file++) {
        struct image image = { 0 };
        size_t synced = synced_until(file, place);
        for (size_t i = 0; i < place; i++) {
            uint64_t sure = 1;
            if (ops.at[i].file == file)
                apply(&image, &ops.at[i], i < synced ? &sure : &luck);
        }
        store(&image, folder, names[file]);
        free(image.bytes);
    }
    snprintf(path, sizeof(path), "%s/auspex.db-shm", folder);
    unlink(path);
}
