/* Start Sallyport: unpack the tree behind this program once, into a folder named by its digest, and execute it.
 *
 * Static, so that nothing of the host is needed but a kernel and /proc. Any base folder may be unusable on a
 * hardened host (noexec, read-only, full, foreign), so several are tried, and the last is a private tmpfs in a
 * mount namespace of this process. When none will do, each is listed with its reason.
 */
#define _GNU_SOURCE
#include "bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("sallyport: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    return 1;
}

/* ---- this file ------------------------------------------------------------------------------------------- */

int damaged(const char *what) {
    return die("this copy is damaged (%s). Copy the file again and compare its sha256 with the published one.\n", what);
}

static int open_bundle(struct bundle *bundle) {
    struct stat self;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (file < 0) return die("/proc/self/exe cannot be read (%s). Mount /proc.\n", strerror(errno));
    if (fstat(file, &self) || self.st_size < FOOTER_SIZE) return damaged("it is too short");
    bundle->size = (size_t)self.st_size;
    struct footer *footer = &bundle->footer;
    /* One page from the disk and not 128 kB around it, which --version does not need. */
    posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
    ssize_t length = pread(file, footer, FOOTER_SIZE, self.st_size - FOOTER_SIZE);
    posix_fadvise(file, 0, 0, POSIX_FADV_NORMAL);
    if (length != FOOTER_SIZE) {
        close(file);
        return die("the file cannot be read: %s\n", strerror(errno));
    }
    bundle->bytes = mmap(NULL, bundle->size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (bundle->bytes == MAP_FAILED) return die("the file cannot be read into memory: %s\n", strerror(errno));
    if (memcmp(footer->magic, MAGIC, sizeof footer->magic)) return damaged("its end is missing");
    uint8_t digest[32];
    sha256((uint8_t *)footer, FOOTER_SIZE - 32, digest);
    if (memcmp(digest, footer->self_digest, 32) || footer->format != FORMAT ||
        footer->payload_offset + footer->payload_size != bundle->size - FOOTER_SIZE)
        return damaged("its last 512 bytes were altered");
    for (int i = 0; i < ID_LENGTH / 2; i++) sprintf(bundle->id + 2 * i, "%02x", footer->digest[i]);
    return 0;
}

/* ---- which bases ----------------------------------------------------------------------------------------- */

static void try_under(const struct bundle *bundle, const char *folder, const char *name, char **arguments) {
    char path[PATH_ROOM];
    if (!folder || folder[0] != '/') return;
    snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(folder, ":"), folder, name);
    try_base(bundle, path, arguments);
}

static void write_text(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t ignored = write(file, text, strlen(text));
    (void)ignored;
    close(file);
}

static int is_empty(const char *path) {
    DIR *listing = opendir(path);
    struct dirent *item;
    int count = 0;
    if (!listing) return 0;
    while ((item = readdir(listing))) count++;
    closedir(listing);
    return count == 2;
}

static int enter_user_namespace(void) {
    char map[64];
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) return -1;
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", (unsigned)user, (unsigned)user);
    write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", (unsigned)group, (unsigned)group);
    write_text("/proc/self/gid_map", map);
    return 0;
}

/* A tmpfs that only this process and its children see, over a folder that is empty for everybody. */
static void try_private(const struct bundle *bundle, char **arguments) {
    static const char *const places[] = {"/media", "/mnt", "/srv", "/opt", "/var/opt", "/var/tmp", "/tmp", "/dev/shm"};
    const int count = sizeof places / sizeof *places;
    int chosen = 0;
    while (chosen < count - 1 && !is_empty(places[chosen])) chosen++;
    if (unshare(CLONE_NEWNS) && enter_user_namespace())
        return refuse("a private tmpfs", "mount namespaces are not allowed here");
    if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", places[chosen], "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"))
        return refuse("a private tmpfs", strerror(errno));
    try_under(bundle, places[chosen], "sallyport-rt", arguments);
}

/* `name` in the folder of this very file, links resolved; empty when that folder is not known. */
static void beside(const char *name, char path[PATH_ROOM]) {
    ssize_t length = readlink("/proc/self/exe", path, PATH_ROOM / 2);
    char *slash = length > 0 ? (path[length] = 0, strrchr(path, '/')) : NULL;
    if (slash && slash > path) strcpy(slash + 1, name);
    else *path = 0;
}

static void try_bases(const struct bundle *bundle, char **arguments) {
    char named[64], own[PATH_ROOM];
    const char *home = getenv("HOME"), *cache = getenv("XDG_CACHE_HOME"), *chosen = getenv("SALLYPORT_RUNTIME_DIR");
    snprintf(named, sizeof named, "sallyport-rt-%u", (unsigned)geteuid());
    if (chosen) try_base(bundle, chosen, arguments);
    beside("rt", own);
    if (*own) try_installed(bundle, own, arguments);
    try_under(bundle, getenv("STATE_DIRECTORY"), "rt", arguments);
    if (geteuid() == 0) try_base(bundle, "/var/lib/sallyport-rt", arguments);
    else if (cache && *cache) try_under(bundle, cache, "sallyport-rt", arguments);
    else if (home && *home) {
        snprintf(own, sizeof own, "%s/.cache", home);
        mkdir(own, 0700);
        try_under(bundle, own, "sallyport-rt", arguments);
    }
    try_under(bundle, "/var/tmp", named, arguments);
    try_under(bundle, "/tmp", named, arguments);
    try_under(bundle, "/dev/shm", named, arguments);
    if (geteuid() == 0) try_private(bundle, arguments); /* better than a folder that only root may reach */
    beside(".sallyport-rt", own);
    if (*own) try_base(bundle, own, arguments);
    if (geteuid() != 0) try_private(bundle, arguments);
}

int main(int count, char **arguments) {
    static struct bundle bundle;
    int failed = open_bundle(&bundle);
    if (failed) return failed;
    if (count == 2 && !strcmp(arguments[1], "--version")) {
        printf("sallyport %.*s\n", (int)sizeof bundle.footer.version, bundle.footer.version);
        return 0;
    }
    keep_originals();
    try_bases(&bundle, arguments);
    return die("no folder was found from which programs may be run. These were tried:\n%s"
               "Name a folder that is yours, writable and not mounted noexec in SALLYPORT_RUNTIME_DIR; where a policy\n"
               "(fapolicyd, SELinux, AppArmor) decides what may run, let it trust that folder.\n",
               all_refusals());
}
