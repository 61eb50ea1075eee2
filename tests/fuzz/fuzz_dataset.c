/* The room of DCMTK: any bytes are decoded or refused, and what was decoded can be read, printed,
 * changed and encoded, within memory that its size bounds. */
#include "fuzz.h"

#include "dcmtk/dataset.h"
#include "dcmtk/log.h"

static const char *const syntaxes[] = {
    "1.2.840.10008.1.2",      "1.2.840.10008.1.2.1",    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5",
};
#define SYNTAXES (sizeof syntaxes / sizeof syntaxes[0])

#define ELEMENTS_MAX 200 /* that are read one by one */
#define DEPTH_MAX    6   /* of items that are entered; deeper ones are only printed and encoded */

static void read_elements(struct gs_dataset *dataset, unsigned depth);

static void read_element(struct gs_dataset *dataset, const struct gs_element *element,
                         unsigned depth)
{
    char path[64];
    struct gs_value value;
    struct gs_error error;
    snprintf(path, sizeof path, "%04x,%04x", element->tag.group, element->tag.element);
    REQUIRE(gs_dataset_has(dataset, path, &error) == 1);
    if (gs_dataset_get(dataset, path, &value, &error) != 0)
        return;
    REQUIRE(value.kind != GS_VALUE_ABSENT);
    if (value.kind == GS_VALUE_TEXT)
        REQUIRE(value.text[value.size] == '\0');
    for (size_t i = 0; value.kind == GS_VALUE_SEQUENCE && i < value.count && i < 3; i++) {
        snprintf(path, sizeof path, "%04x,%04x[%zu]", element->tag.group, element->tag.element, i);
        struct gs_dataset *item = gs_dataset_item(dataset, path, &error);
        REQUIRE(item != NULL);
        if (depth < DEPTH_MAX)
            read_elements(item, depth + 1);
        gs_dataset_free(item);
    }
}

static void read_elements(struct gs_dataset *dataset, unsigned depth)
{
    const struct gs_element *elements;
    struct gs_error error;
    size_t count;
    if (gs_dataset_elements(dataset, &elements, &count, &error) != 0)
        fprintf(stderr, "%s: %s\n", error.code, error.message), abort();
    size_t kept = count < ELEMENTS_MAX ? count : ELEMENTS_MAX;
    struct gs_element *copy = calloc(kept + 1, sizeof *copy);
    REQUIRE(copy != NULL);
    if (kept > 0)
        memcpy(copy, elements, kept * sizeof *copy);
    for (size_t i = 0; i < kept; i++)
        read_element(dataset, &copy[i], depth);
    free(copy);
}

/* What is printed has no raw bytes of the peer (P7). */
static void require_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        REQUIRE(((uint8_t)text[i] >= 0x20 || text[i] == '\n') && text[i] != 0x7f);
}

static void print(struct gs_dataset *dataset)
{
    const char *text;
    size_t size;
    struct gs_error error;
    if (gs_dataset_dump(dataset, &text, &size, &error) == 0)
        require_printable(text, size);
    if (gs_dataset_json(dataset, &text, &size, &error) == 0)
        require_printable(text, size);
}

/* What is encoded in a syntax can be decoded in it. Implicit VR is an exception, for it forgets
 * that a VR was not that of the dictionary. */
static void encode(struct gs_dataset *dataset, const char *syntax)
{
    const char *bytes;
    size_t size;
    struct gs_error error;
    if (gs_dataset_encode(dataset, syntax, &bytes, &size, &error) != 0)
        return;
    struct gs_dataset *again = gs_dataset_decode(bytes, size, syntax, &error);
    if (again == NULL && syntax != syntaxes[0])
        fprintf(stderr, "%s: %s\n", error.code, error.message), abort();
    gs_dataset_free(again);
}

static void change(struct gs_dataset *dataset, const char *name)
{
    static const struct gs_value text = {
        .kind = GS_VALUE_TEXT, .text = "\xc3\x84nne^\xe5\xb1\xb1", .size = 9};
    static const struct gs_value latin = {.kind = GS_VALUE_TEXT, .text = "ISO_IR 100", .size = 10};
    const struct gs_tag *tags;
    const char *bytes;
    size_t count, size;
    struct gs_error error;
    gs_dataset_set(dataset, "0010,0010", &text, 1, &error);
    gs_dataset_set(dataset, "0008,1140[1].0008,1155", NULL, 0, &error);
    gs_dataset_set(dataset, "0008,0005", &latin, 1, &error);
    struct gs_dataset *item = gs_dataset_append(dataset, name, NULL, &error);
    gs_dataset_remove(dataset, name, &error);
    if (item != NULL)
        REQUIRE(gs_dataset_get(item, "0010,0010", &(struct gs_value){0}, &error) != 0);
    gs_dataset_free(item);
    REQUIRE(gs_dataset_touched(dataset, &tags, &count, &error) == 0);
    struct gs_tag *copy = calloc(count + 1, sizeof *copy);
    REQUIRE(copy != NULL);
    memcpy(copy, tags, count * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        gs_dataset_encode_element(dataset, copy[i], syntaxes[1], &bytes, &size, &error);
    free(copy);
}

/* A path of the peer's invention. */
static void ask(struct gs_dataset *dataset, struct input *input)
{
    size_t size = take8(input) % 48;
    uint8_t *bytes = take_copy(input, &size);
    char path[49];
    struct gs_value value;
    struct gs_error error;
    memcpy(path, bytes, size);
    path[size] = '\0';
    free(bytes);
    if (gs_dataset_has(dataset, path, &error) == 1)
        gs_dataset_get(dataset, path, &value, &error);
    change(dataset, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    gs_log_start(GS_LOG_OFF, NULL);
    struct input input = {bytes, size};
    const char *syntax = syntaxes[take8(&input) % SYNTAXES];
    const char *other = syntaxes[take8(&input) % SYNTAXES];
    struct input path = input;
    size_t skipped = take8(&input) % 48;
    free(take_copy(&input, &skipped));
    uint8_t *copy = take_copy(&input, &size);
    struct gs_error error;
    struct gs_dataset *dataset = gs_dataset_decode(copy, size, syntax, &error);
    free(copy);
    if (dataset == NULL)
        return 0;
    read_elements(dataset, 0);
    print(dataset);
    encode(dataset, syntax);
    struct gs_dataset *clone = gs_dataset_clone(dataset, &error);
    REQUIRE(clone != NULL);
    ask(clone, &path);
    print(clone);
    encode(clone, other);
    gs_dataset_expire(dataset);
    REQUIRE(gs_dataset_has(dataset, "0010,0010", &error) == -1);
    gs_dataset_free(clone);
    gs_dataset_free(dataset);
    return 0;
}
