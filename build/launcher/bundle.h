/* The file's layout, shared by the launcher's parts. build/pack.py writes what stands here.
 *
 *   launcher | zstd frame | footer (512 bytes)
 *
 * The frame holds the tree as a sequence of entries, all integers little endian:
 *   u8 kind ('d' folder, 'f' file, 'l' symbolic link), u32 mode, u16 path length, u16 patches, u64 size,
 *   path, patches * u64 offset, content.
 * A patch is the place of a long interpreter path inside an ELF file: the real one is written there, because
 * the tree brings its own loader and nobody knows at build time where it will be unpacked.
 */
#ifndef SALLYPORT_BUNDLE_H
#define SALLYPORT_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#define MAGIC "SALLYPORT-BUNDLE"
#define FORMAT 1
#define FOOTER_SIZE 512
#define INTERPRETER_ROOM 512
#define ID_LENGTH 32
#define INDEX_NAME ".ok"
#define PATH_ROOM 4096

struct footer {
    char magic[16];
    uint32_t format;
    uint32_t entries;
    uint64_t payload_offset;
    uint64_t payload_size;
    uint64_t tree_size;
    char version[32];
    char interpreter[64]; /* the loader, relative to the tree; empty: the host's */
    uint8_t digest[32];   /* sha256 of launcher and payload */
    uint8_t unused[304];
    uint8_t self_digest[32]; /* sha256 of everything above */
};
_Static_assert(sizeof(struct footer) == FOOTER_SIZE, "the footer's size is part of the format");

struct bundle {
    const uint8_t *bytes;
    size_t size;
    struct footer footer;
    char id[ID_LENGTH + 1];
};

/* sha256.c: FIPS 180-4 */
void sha256(const uint8_t *data, size_t size, uint8_t digest[32]);

/* tree.c: all return 0, or -1 with a reason in words behind `why` */
int unpack_tree(const struct bundle *bundle, int base, const char *base_path, const char **why);
int tree_is_whole(int tree);
void remove_tree(int parent, const char *name);

/* base.c: returns only when the program could not be started from there; the reason is kept for the end */
void try_base(const struct bundle *bundle, const char *path, char **arguments);
void try_installed(const struct bundle *bundle, const char *path, char **arguments);
void refuse(const char *base, const char *why);
const char *all_refusals(void);
void keep_originals(void);

/* launcher.c: says it and returns the exit code */
int damaged(const char *what);

#endif
