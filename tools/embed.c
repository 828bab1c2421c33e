/* embed.c - a build tool: puts the files of a list into one blob and writes the C table that finds them in it.
 *
 * embed ROOT LIST BLOB TABLE.c
 * LIST has one path a line, relative to ROOT, sorted bytewise; 'path<TAB>file' takes the bytes of path from elsewhere.
 * What belongs to the page (web/) is stored as gzip where that makes it smaller. The etag is a hash of the plain bytes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

enum { MAX_FILE = 64 << 20, MAX_PATH = 4096 };

struct bytes {
    unsigned char *at;
    size_t length;
};

static void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("embed: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static FILE *open_or_die(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);

    if (!file)
        die("%s: %s", path, strerror(errno));
    return file;
}

static void close_or_die(FILE *file, const char *path)
{
    if (ferror(file) || fclose(file))
        die("%s: %s", path, strerror(errno));
}

static struct bytes read_all(const char *path)
{
    FILE *file = open_or_die(path, "rb");
    struct bytes bytes = { malloc(MAX_FILE), 0 };

    if (!bytes.at)
        die("out of memory");
    bytes.length = fread(bytes.at, 1, MAX_FILE, file);
    if (bytes.length == MAX_FILE)
        die("%s: larger than %d bytes", path, MAX_FILE - 1);
    close_or_die(file, path);
    return bytes;
}

/* squeeze - the gzip form of `plain`, or no bytes where it would not be smaller. Without a time: builds repeat. */
static struct bytes squeeze(struct bytes plain)
{
    z_stream z = { 0 };
    struct bytes out = { NULL, 0 };
    size_t room;

    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        die("zlib: %s", z.msg ? z.msg : "cannot start");
    room = deflateBound(&z, plain.length);
    out.at = malloc(room);
    if (!out.at)
        die("out of memory");
    z.next_in = plain.at;
    z.avail_in = (uInt)plain.length;
    z.next_out = out.at;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        die("zlib: %s", z.msg ? z.msg : "cannot finish");
    out.length = z.total_out;
    deflateEnd(&z);
    if (out.length < plain.length)
        return out;
    free(out.at);
    return (struct bytes){ NULL, 0 };
}

/* embed_file - append one file to the blob; its row goes to the table. Returns the offset behind it. */
static size_t embed_file(const char *path, const char *source, size_t offset, FILE *blob, FILE *table)
{
    struct bytes plain = read_all(source);
    struct bytes small = { NULL, 0 };
    XXH128_canonical_t hash;
    struct bytes stored;

    XXH128_canonicalFromHash(&hash, XXH3_128bits(plain.at, plain.length));
    if (strncmp(path, "web/", 4) == 0)
        small = squeeze(plain);
    stored = small.at ? small : plain;
    fprintf(table, "    { \"%s\", asset_blob + %zu, %zu, \"\\\"", path, offset, stored.length);
    for (size_t i = 0; i < sizeof(hash.digest); i++)
        fprintf(table, "%02x", hash.digest[i]);
    fprintf(table, "\\\"\", %s },\n", small.at ? "true" : "false");
    /* A NUL behind each: text assets can be handed to parsers that want one. */
    if (fwrite(stored.at, 1, stored.length, blob) != stored.length || fputc('\0', blob) == EOF)
        die("writing the blob: %s", strerror(errno));
    offset += stored.length + 1;
    free(plain.at);
    free(small.at);
    return offset;
}

int main(int argc, char **argv)
{
    char line[MAX_PATH], source[2 * MAX_PATH], last[MAX_PATH] = "";
    FILE *list, *blob, *table;
    size_t offset = 0;

    if (argc != 5)
        die("usage: embed ROOT LIST BLOB TABLE.c");
    list = open_or_die(argv[2], "r");
    blob = open_or_die(argv[3], "wb");
    table = open_or_die(argv[4], "w");
    fprintf(table,
            "/* Written by tools/embed.c; not to be edited. */\n"
            "#include \"base/asset.h\"\n\n"
            "__asm__(\".section .rodata.assets,\\\"a\\\",@progbits\\n\"\n"
            "        \".hidden asset_blob\\n.global asset_blob\\n.balign 16\\n\"\n"
            "        \"asset_blob: .incbin \\\"%s\\\"\\n.byte 0\\n.previous\\n\");\n"
            "extern const unsigned char asset_blob[];\n\n"
            "const struct asset asset_table[] = {\n",
            argv[3]);
    while (fgets(line, sizeof(line), list)) {
        char *elsewhere;

        line[strcspn(line, "\n")] = '\0';
        elsewhere = strchr(line, '\t');
        if (elsewhere)
            *elsewhere++ = '\0';
        if (strcmp(last, line) >= 0 || strpbrk(line, "\"\\"))
            die("%s: '%s' is out of order, or not a plain name", argv[2], line);
        snprintf(last, sizeof(last), "%s", line);
        snprintf(source, sizeof(source), "%s/%s", argv[1], elsewhere ? elsewhere : line);
        offset = embed_file(line, source, offset, blob, table);
    }
    fputs("    { 0 },\n};\n", table);
    close_or_die(list, argv[2]);
    close_or_die(blob, argv[3]);
    close_or_die(table, argv[4]);
    return 0;
}
