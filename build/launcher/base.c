/* One base folder: may programs be run from it, is the tree there and whole, unpack it, prune others, execute. */
#define _GNU_SOURCE
#include "bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PROGRAM "sallyport"
#define ROOM_TO_SPARE (4u << 20)

static char refusals[8192];

void refuse(const char *base, const char *why) {
    size_t used = strlen(refusals);
    snprintf(refusals + used, sizeof refusals - used, "  %s: %s\n", base, why);
}

const char *all_refusals(void) { return refusals; }

static int content_is_intact(const struct bundle *bundle) {
    uint8_t digest[32];
    sha256(bundle->bytes, bundle->size - FOOTER_SIZE, digest);
    return !memcmp(digest, bundle->footer.digest, 32);
}

/* ---- executing ------------------------------------------------------------------------------------------- */

/* The bundle's own libraries must be found by this one process and by no child of it: the program restores the
 * *_ORIG values in its first lines. The _PYI_ names are internals of PyInstaller's bootloader: they say that the
 * search path is set already, which spares a second exec. */
void keep_originals(void) {
    static const char *const settings[] = {"LD_LIBRARY_PATH", "LD_PRELOAD"};
    for (int i = 0; i < 2; i++) {
        char name[64];
        const char *original = getenv(settings[i]);
        snprintf(name, sizeof name, "%s_ORIG", settings[i]);
        if (original) setenv(name, original, 1);
        else unsetenv(name);
        unsetenv(settings[i]);
    }
}

static void set_environment(const char *root) {
    char value[PATH_ROOM];
    ssize_t length = readlink("/proc/self/exe", value, sizeof value - 1);
    if (length > 0) {
        value[length] = 0;
        setenv("SALLYPORT_FILE", value, 1);
    }
    snprintf(value, sizeof value, "%s/" PROGRAM, root);
    setenv("_PYI_ARCHIVE_FILE", value, 1);
    setenv("_PYI_PARENT_PROCESS_LEVEL", "-1", 1);
    snprintf(value, sizeof value, "%s/_internal", root);
    setenv("LD_LIBRARY_PATH", value, 1);
}

/* Returns only when the program could not be started from there. The shared lock on the folder outlives the exec:
 * it keeps other versions from pruning the tree, and systemd-tmpfiles from cleaning it. */
static void execute(const struct bundle *bundle, const char *base, int tree, char **arguments) {
    char root[PATH_ROOM / 2], program[PATH_ROOM];
    snprintf(root, sizeof root, "%s/%s", base, bundle->id);
    snprintf(program, sizeof program, "%s/" PROGRAM, root);
    flock(tree, LOCK_SH | LOCK_NB);
    fcntl(tree, F_SETFD, 0);
    set_environment(root);
    execv(program, arguments);
    /* mounted noexec is found out before: this is somebody who watches over what is executed */
    if (errno == EACCES || errno == EPERM) refuse(base, "a security policy of this host lets no program run from there");
    else refuse(base, strerror(errno));
    close(tree);
}

/* ---- one base folder ------------------------------------------------------------------------------------- */

static int is_ours(int folder) {
    struct stat found;
    return !fstat(folder, &found) && (found.st_uid == geteuid() || found.st_uid == 0) && !(found.st_mode & 022);
}

/* Started as root, children with dropped privileges (PostgreSQL) execute files from there: they must get there. */
static int others_reach(const char *path) {
    char part[PATH_ROOM];
    struct stat found;
    for (const char *end = path + 1; geteuid() == 0; end++) {
        if (*end != '/' && *end) continue;
        snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
        if (stat(part, &found) || !(found.st_mode & 001)) return 0;
        if (!*end) break;
    }
    return 1;
}

static int is_id(const char *name) { return strlen(name) == ID_LENGTH && strspn(name, "0123456789abcdef") == ID_LENGTH; }

/* Keep this tree, those in use and the newest other; also remove what an interrupted start left behind. */
static void prune(int base, const char *id) {
    char newest[ID_LENGTH + 1] = "";
    time_t newest_time = 0;
    struct dirent *item;
    struct stat found;
    int again = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = again < 0 ? NULL : fdopendir(again);
    if (!listing) return;
    while ((item = readdir(listing)))
        if (is_id(item->d_name) && strcmp(item->d_name, id) && !fstatat(base, item->d_name, &found, AT_SYMLINK_NOFOLLOW) &&
            found.st_mtime >= newest_time) {
            newest_time = found.st_mtime;
            strcpy(newest, item->d_name);
        }
    rewinddir(listing);
    while ((item = readdir(listing))) {
        if (!is_id(item->d_name) || !strcmp(item->d_name, id) || !strcmp(item->d_name, newest)) continue;
        int tree = openat(base, item->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (tree >= 0 && !flock(tree, LOCK_EX | LOCK_NB)) remove_tree(base, item->d_name);
        if (tree >= 0) close(tree);
    }
    closedir(listing);
}

static int open_tree(const struct bundle *bundle, int base) {
    int tree = openat(base, bundle->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (tree >= 0 && is_ours(tree) && tree_is_whole(tree)) return tree;
    if (tree >= 0) close(tree);
    return -1;
}

static int make_tree(const struct bundle *bundle, int base, const char *path, const char **why) {
    struct statvfs system;
    if (fstatvfs(base, &system)) return *why = strerror(errno), -1;
    if (system.f_flag & ST_RDONLY) return *why = "read-only", -1;
    if ((uint64_t)system.f_bavail * system.f_frsize < bundle->footer.tree_size + ROOM_TO_SPARE)
        return *why = "not enough space", -1;
    if (flock(base, LOCK_EX)) return *why = strerror(errno), -1;
    int tree = open_tree(bundle, base); /* another start may have made it while this one waited */
    if (tree < 0) {
        if (!content_is_intact(bundle)) exit(damaged("its content was altered"));
        errno = 0;
        if (!unpack_tree(bundle, base, path, why)) {
            tree = open_tree(bundle, base);
            *why = "the unpacked files are not as they were written";
            prune(base, bundle->id);
        }
    }
    flock(base, LOCK_UN);
    return tree;
}

/* An installation keeps the unpacked tree beside the file: it is used when it is there and whole, never made. */
void try_installed(const struct bundle *bundle, const char *path, char **arguments) {
    struct statvfs system;
    if (strlen(path) > PATH_ROOM / 4) return;
    int base = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (base < 0) return;
    if (is_ours(base) && !fstatvfs(base, &system) && !(system.f_flag & ST_NOEXEC)) {
        int tree = open_tree(bundle, base);
        if (tree >= 0) execute(bundle, path, tree, arguments);
    }
    close(base);
}

void try_base(const struct bundle *bundle, const char *path, char **arguments) {
    struct statvfs system;
    const char *why = "it cannot be used";
    if (path[0] != '/' || strlen(path) > PATH_ROOM / 4) return;
    if (!mkdir(path, 0755)) chmod(path, 0755); /* whatever the umask: children with dropped privileges read here */
    else if (errno != EEXIST) return refuse(path, strerror(errno));
    int base = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (base < 0) return refuse(path, strerror(errno));
    if (!is_ours(base)) refuse(path, "it belongs to somebody else or others may write to it");
    else if (!others_reach(path)) refuse(path, "users other than root cannot reach it");
    else if (fstatvfs(base, &system) || (system.f_flag & ST_NOEXEC)) refuse(path, "mounted noexec");
    else {
        int tree = open_tree(bundle, base);
        if (tree < 0) tree = make_tree(bundle, base, path, &why);
        if (tree >= 0) execute(bundle, path, tree, arguments);
        else refuse(path, why);
    }
    close(base);
}
