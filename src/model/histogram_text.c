/* histogram_text.c - native histograms as Prometheus writes them: in answers of its API, and as text. */
#include "model/histogram.h"

#include "base/float_text.h"
#include "model/histogram_bucket.h"

static void json_number(struct json_writer *w, double value)
{
    char memory[64];
    struct buf text = { .max = sizeof(memory) };

    float_add(&text, value, -6, 21);
    json_add_str(w, buf_str(&text));
    buf_clear(&text);
}

void histogram_json(struct json_writer *w, const struct histogram *histogram)
{
    struct bucket_walk walk = bucket_walk_all(histogram, false);
    struct bucket bucket;
    bool found = false;

    json_begin_object(w);
    json_key(w, S("count"));
    json_number(w, histogram->count);
    json_key(w, S("sum"));
    json_number(w, histogram->sum);
    while (bucket_walk_next(&walk, &bucket)) {
        if (bucket.count == 0)
            continue;
        if (!found) {
            json_key(w, S("buckets"));
            json_begin_array(w);
            found = true;
        }
        json_begin_array(w);
        json_add_i64(w, bucket.lower_inclusive ? (bucket.upper_inclusive ? 3 : 1) : (bucket.upper_inclusive ? 0 : 2));
        json_number(w, bucket.lower);
        json_number(w, bucket.upper);
        json_number(w, bucket.count);
        json_end_array(w);
    }
    if (found)
        json_end_array(w);
    json_end_object(w);
}

/* As Go's %g. */
static void text_number(struct buf *out, double value)
{
    float_add(out, value, -4, 6);
}

void histogram_text(struct buf *out, const struct histogram *histogram)
{
    struct bucket_walk walk = bucket_walk_all(histogram, false);
    struct bucket bucket;

    walk.uncut = true;
    buf_add(out, S("{count:"));
    text_number(out, histogram->count);
    buf_add(out, S(", sum:"));
    text_number(out, histogram->sum);
    while (bucket_walk_next(&walk, &bucket)) {
        if (bucket.count == 0)
            continue;
        buf_addf(out, ", %c", bucket.lower_inclusive ? '[' : '(');
        text_number(out, bucket.lower);
        buf_add_c(out, ',');
        text_number(out, bucket.upper);
        buf_addf(out, "%c:", bucket.upper_inclusive ? ']' : ')');
        text_number(out, bucket.count);
    }
    buf_add_c(out, '}');
}
