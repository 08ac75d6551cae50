/* Unpack the tree, tell whether an unpacked one is still whole, and remove an old one. */
#define _GNU_SOURCE
#include "bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

size_t ZSTD_decompress(void *target, size_t room, const void *source, size_t size);
unsigned ZSTD_isError(size_t code);

struct entry {
    uint8_t kind;
    uint32_t mode;
    uint16_t patches;
    uint64_t size;
    char path[PATH_ROOM];
    const uint8_t *patch_offsets;
    uint8_t *content;
};

static uint64_t number(const uint8_t *at, int width) {
    uint64_t value = 0;
    for (int i = width - 1; i >= 0; i--) value = value << 8 | at[i];
    return value;
}

/* Read the entry at *at and step over it. */
static int next_entry(uint8_t *tree, uint64_t size, uint64_t *at, struct entry *entry) {
    const uint64_t head = 17;
    if (size - *at < head) return -1;
    uint8_t *start = tree + *at;
    uint64_t path_length = number(start + 5, 2);
    entry->kind = start[0];
    entry->mode = (uint32_t)number(start + 1, 4);
    entry->patches = (uint16_t)number(start + 7, 2);
    entry->size = number(start + 9, 8);
    uint64_t before = head + path_length + 8ull * entry->patches;
    if (path_length >= PATH_ROOM || size - *at < before || size - *at - before < entry->size) return -1;
    memcpy(entry->path, start + head, path_length);
    entry->path[path_length] = 0;
    entry->patch_offsets = start + head + path_length;
    entry->content = start + before;
    *at += before + entry->size;
    return 0;
}

static int write_all(int file, const uint8_t *bytes, uint64_t size) {
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -1;
        bytes += written;
        size -= (uint64_t)written;
    }
    return 0;
}

static int write_file(int tree, struct entry *entry, const char *interpreter) {
    for (int i = 0; i < entry->patches; i++) {
        uint64_t offset = number(entry->patch_offsets + 8 * i, 8);
        if (offset > entry->size || entry->size - offset < INTERPRETER_ROOM) return -1;
        memset(entry->content + offset, 0, INTERPRETER_ROOM);
        memcpy(entry->content + offset, interpreter, strlen(interpreter));
    }
    int file = openat(tree, entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    int failed = write_all(file, entry->content, entry->size) || fchmod(file, entry->mode);
    return close(file) || failed ? -1 : 0;
}

static int write_entry(int tree, struct entry *entry, const char *interpreter) {
    char target[PATH_ROOM];
    switch (entry->kind) {
    case 'd':
        return mkdirat(tree, entry->path, entry->mode) || fchmodat(tree, entry->path, entry->mode, 0);
    case 'f':
        return write_file(tree, entry, interpreter);
    case 'l':
        if (entry->size >= sizeof target) return -1;
        memcpy(target, entry->content, entry->size);
        target[entry->size] = 0;
        return symlinkat(target, tree, entry->path);
    default:
        return -1;
    }
}

/* Write every entry, and last the index by which a later start sees that nothing is missing. */
static int write_entries(const struct bundle *bundle, uint8_t *raw, int tree, const char *interpreter) {
    struct entry entry;
    uint64_t at = 0;
    int index = openat(tree, INDEX_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *lines = index < 0 ? NULL : fdopen(index, "w");
    if (!lines) return -1;
    for (uint32_t i = 0; i < bundle->footer.entries; i++) {
        if (next_entry(raw, bundle->footer.tree_size, &at, &entry) || write_entry(tree, &entry, interpreter)) {
            fclose(lines);
            return -1;
        }
        if (entry.kind == 'f') fprintf(lines, "%llu %s\n", (unsigned long long)entry.size, entry.path);
    }
    int failed = ferror(lines);
    return fclose(lines) || failed ? -1 : 0;
}

static uint8_t *decompressed(const struct bundle *bundle) {
    const struct footer *footer = &bundle->footer;
    uint8_t *raw = mmap(NULL, footer->tree_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return NULL;
    size_t size = ZSTD_decompress(raw, footer->tree_size, bundle->bytes + footer->payload_offset, footer->payload_size);
    return ZSTD_isError(size) || size != footer->tree_size ? NULL : raw;
}

/* Unpack beside its place and rename, so that a half-unpacked tree never bears the name. */
int unpack_tree(const struct bundle *bundle, int base, const char *base_path, const char **why) {
    char partial[64], interpreter[PATH_ROOM] = "";
    const char *loader = bundle->footer.interpreter;
    snprintf(partial, sizeof partial, ".%s.partial", bundle->id);
    if (*loader) snprintf(interpreter, sizeof interpreter, "%s/%s/%s", base_path, bundle->id, loader);
    if (strlen(interpreter) >= INTERPRETER_ROOM) return *why = "its path is too long", -1;
    uint8_t *raw = decompressed(bundle);
    if (!raw) return *why = "not enough memory to unpack", -1;
    remove_tree(base, partial);
    int tree = mkdirat(base, partial, 0755) ? -1 : openat(base, partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int failed = tree < 0 || fchmod(tree, 0755) || write_entries(bundle, raw, tree, interpreter) || syncfs(tree);
    if (!failed) {
        remove_tree(base, bundle->id);
        failed = renameat(base, partial, base, bundle->id);
    }
    if (failed) *why = errno ? strerror(errno) : "it could not be written";
    if (tree >= 0) close(tree);
    munmap(raw, bundle->footer.tree_size);
    if (failed) remove_tree(base, partial);
    return failed ? -1 : 0;
}

/* A cleaner may have taken files away: every file of the index must be there with its size. */
int tree_is_whole(int tree) {
    int index = openat(tree, INDEX_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *lines = index < 0 ? NULL : fdopen(index, "r");
    if (!lines) return 0;
    char line[PATH_ROOM + 32];
    int whole = 1;
    while (whole && fgets(line, sizeof line, lines)) {
        char *path;
        unsigned long long size = strtoull(line, &path, 10);
        struct stat found;
        path[strcspn(path, "\n")] = 0;
        whole = *path == ' ' && !fstatat(tree, path + 1, &found, AT_SYMLINK_NOFOLLOW) && S_ISREG(found.st_mode) &&
                (unsigned long long)found.st_size == size;
    }
    fclose(lines);
    return whole;
}

void remove_tree(int parent, const char *name) {
    if (!unlinkat(parent, name, 0) || errno == ENOENT) return;
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *listing = folder < 0 ? NULL : fdopendir(folder);
    if (!listing) return;
    struct dirent *item;
    while ((item = readdir(listing)))
        if (strcmp(item->d_name, ".") && strcmp(item->d_name, "..")) remove_tree(folder, item->d_name);
    closedir(listing);
    unlinkat(parent, name, AT_REMOVEDIR);
}
