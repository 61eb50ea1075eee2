/* Writes the objects that the benchmark server sends as files, for servers that serve files:
 *
 *     objects N BYTES DIRECTORY
 *
 * The files are named after their SOP Instance UIDs. It prints the Study Instance UID. */

#include "image.h"

static void write_file(const char *directory, const char *uid, const struct bytes *image)
{
    struct bytes header = {0};
    put_file_meta(&header, uid, EXPLICIT_LITTLE);
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, uid);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(header.data, header.size, 1, f) != 1 ||
        fwrite(image->data, image->size, 1, f) != 1 || fclose(f) != 0)
        die("cannot write %s: %s", path, strerror(errno));
    free(header.data);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        die("usage: objects N BYTES DIRECTORY");
    unsigned objects = (unsigned)strtoul(argv[1], NULL, 10);
    struct image image =
        make_image((struct encoding){.explicit_vr = true}, strtoul(argv[2], NULL, 10));
    for (unsigned n = 1; n <= objects; n++) {
        struct identity identity = name_instance(n);
        memcpy(image.bytes.data + image.uid_at, identity.uid, UID_LENGTH);
        memcpy(image.bytes.data + image.number_at, identity.number, NUMBER_LENGTH);
        write_file(argv[3], identity.uid, &image.bytes);
    }
    free(image.bytes.data);
    puts(STUDY_UID);
    return 0;
}
