/* quote.c - text in quotes as Go's %q writes it. */
#include "promql/quote.h"

#include <string.h>

uint32_t rune_decode(struct str text, size_t *ret_width)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *at = (const unsigned char *)text.at;
    size_t width = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : at[0] < 0xF5 ? 4 : 0;
    uint32_t rune;

    *ret_width = 1;
    if (width == 1)
        return at[0];
    if (width == 0 || width > text.length)
        return RUNE_ERROR;
    rune = at[0] & (0x7F >> width);
    for (size_t i = 1; i < width; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return RUNE_ERROR;
        rune = rune << 6 | (at[i] & 0x3F);
    }
    if (rune < smallest[width] || rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000))
        return RUNE_ERROR;
    *ret_width = width;
    return rune;
}

void rune_encode(struct buf *out, uint32_t rune)
{
    if (rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000))
        rune = RUNE_ERROR;
    if (rune < 0x80) {
        buf_add_c(out, (char)rune);
    } else if (rune < 0x800) {
        buf_add_c(out, (char)(0xC0 | rune >> 6));
        buf_add_c(out, (char)(0x80 | (rune & 0x3F)));
    } else if (rune < 0x10000) {
        buf_add_c(out, (char)(0xE0 | rune >> 12));
        buf_add_c(out, (char)(0x80 | (rune >> 6 & 0x3F)));
        buf_add_c(out, (char)(0x80 | (rune & 0x3F)));
    } else {
        buf_add_c(out, (char)(0xF0 | rune >> 18));
        buf_add_c(out, (char)(0x80 | (rune >> 12 & 0x3F)));
        buf_add_c(out, (char)(0x80 | (rune >> 6 & 0x3F)));
        buf_add_c(out, (char)(0x80 | (rune & 0x3F)));
    }
}

bool rune_is_printable(uint32_t rune)
{
    /* Spaces but ' ', controls, formats, surrogates, private use. Unassigned ones are not looked up. */
    static const uint32_t hidden[][2] = {
        { 0x7F, 0xA0 },     { 0xAD, 0xAD },     { 0x61C, 0x61C },   { 0x1680, 0x1680 },   { 0x180E, 0x180E },
        { 0x2000, 0x200F }, { 0x2028, 0x202F }, { 0x205F, 0x206F }, { 0x3000, 0x3000 },   { 0xD800, 0xF8FF },
        { 0xFEFF, 0xFEFF }, { 0xFFF0, 0xFFFB }, { 0xFFFE, 0xFFFF }, { 0xE0000, 0xE00FF }, { 0xE01F0, UINT32_MAX },
    };

    if (rune < ' ')
        return false;
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        if (rune >= hidden[i][0] && rune <= hidden[i][1])
            return false;
    return true;
}

static void add_escaped(struct buf *out, uint32_t rune, char quote)
{
    static const char names[] = "\aa\bb\ff\nn\rr\tt\vv";

    if (rune == (unsigned char)quote || rune == '\\') {
        buf_add_c(out, '\\');
        buf_add_c(out, (char)rune);
        return;
    }
    if (rune_is_printable(rune)) {
        rune_encode(out, rune);
        return;
    }
    for (size_t i = 0; i + 1 < sizeof(names); i += 2) {
        if (rune != (unsigned char)names[i])
            continue;
        buf_add_c(out, '\\');
        buf_add_c(out, names[i + 1]);
        return;
    }
    buf_addf(out, rune < ' ' || rune == 0x7F ? "\\x%02x" : rune < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)rune);
}

void quote_add(struct buf *out, struct str text)
{
    size_t width;

    if (!buf_reserve(out, text.length + 2))
        return;
    buf_add_c(out, '"');
    for (size_t i = 0; i < text.length && !out->failed; i += width) {
        uint32_t rune = rune_decode(str_slice(text, i, text.length), &width);
        if (rune == RUNE_ERROR && width == 1)
            buf_addf(out, "\\x%02x", (unsigned char)text.at[i]);
        else
            add_escaped(out, rune, '"');
    }
    buf_add_c(out, '"');
}

void quote_add_rune(struct buf *out, uint32_t rune)
{
    buf_add_c(out, '\'');
    add_escaped(out, rune, '\'');
    buf_add_c(out, '\'');
}

bool label_name_is_plain(struct str name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        bool letter = c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.length > 0;
}

void label_name_add(struct buf *out, struct str name)
{
    if (label_name_is_plain(name))
        buf_add(out, name);
    else
        quote_add(out, name);
}
