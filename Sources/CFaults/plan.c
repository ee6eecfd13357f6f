#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const call_names[RX_CALLS] = {
    "open", "read", "write", "sync", "syncfs", "rename", "unlink", "link", "mkdir", "truncate", "lock"};
static const char *const place_names[RX_PLACES] = {
    "nowhere", "catalog", "log", "blobs", "folders", "staging", "uploads", "trash", "damaged", "partial", "cache", "locks", "rest"};

// `from` and `times` count passages of the point; `times` 0 is for ever.
struct rule {
    int call, place, from, times, error;
    bool after, kills;
    enum rx_verdict verdict;
    atomic_int passed;
};

#define MOST_RULES 8
static struct rule rules[MOST_RULES];
static int rule_count;
char rx_root[PATH_MAX];
static size_t root_length;
static bool has_plan;
// How often each point was passed, and how often one of its rules held: [call][place][passed, held], shared with whoever counts.
static atomic_uint *counts;
long rx_clock_shift;
bool rx_lies;

void rx_die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int index_of(const char *name, const char *const names[], int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

// call:place:before|after:FROM:TIMES:kill|tear|cut|ERRNO
static void read_rule(char *text) {
    char *part[6], *rest = text;
    for (int i = 0; i < 6; i++)
        if (!(part[i] = strsep(&rest, ":"))) return;
    if (rule_count == MOST_RULES) return;
    struct rule rule = {
        .call = index_of(part[0], call_names, RX_CALLS), .place = index_of(part[1], place_names, RX_PLACES),
        .after = !strcmp(part[2], "after"), .from = atoi(part[3]), .times = atoi(part[4]), .kills = !strcmp(part[5], "kill")};
    rule.verdict = !strcmp(part[5], "tear") ? RX_TEAR : !strcmp(part[5], "cut") ? RX_CUT : RX_FAIL;
    rule.error = rule.verdict == RX_FAIL && !rule.kills ? atoi(part[5]) : ENOSPC;
    if (rule.call >= 0 && rule.place >= 0) rules[rule_count++] = rule;
}

static void open_counts(const char *path) {
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return;
    size_t points = RX_CALLS * RX_PLACES * 2;
    void *memory = mmap(NULL, (points + RX_STORES) * sizeof(atomic_uint), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) {
        counts = memory;
        rx_failures = counts + points;
    }
    syscall(SYS_close, file);
}

void rx_open_notes(const char *path);

// root=FOLDER,counts=FILE,notes=FILE,clock=SECONDS,lies,at=RULE,at=RULE
__attribute__((constructor)) static void read_plan(void) {
    const char *text = getenv("RX_FAULTS");
    if (!text) return;
    char *copy = strdup(text), *rest = copy, *word;
    while ((word = strsep(&rest, ","))) {
        if (!strncmp(word, "root=", 5)) root_length = (size_t)snprintf(rx_root, sizeof rx_root, "%s/", word + 5);
        if (!strncmp(word, "counts=", 7)) open_counts(word + 7);
        if (!strncmp(word, "notes=", 6)) rx_open_notes(word + 6);
        if (!strncmp(word, "clock=", 6)) rx_clock_shift = atol(word + 6);
        if (!strncmp(word, "at=", 3)) read_rule(word + 3);
        if (!strcmp(word, "lies")) rx_lies = true;
    }
    free(copy);
    has_plan = root_length > 1;
}

static bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

static bool ends(const char *text, const char *with) {
    size_t length = strlen(text), tail = strlen(with);
    return length >= tail && !strcmp(text + length - tail, with);
}

enum rx_place rx_place_of(const char *path) {
    if (!has_plan || strncmp(path, rx_root, root_length)) return RX_NOWHERE;
    const char *store = path + root_length;
    // Folders beside the stores hold what goes in and what comes out.
    if (!begins(store, "store")) return RX_NOWHERE;
    const char *inner = strchr(store, '/');
    if (!inner) return RX_REST;
    inner++;
    if (!strcmp(inner, "catalog.sqlite")) return RX_CATALOG;
    if (!strcmp(inner, "catalog.sqlite-wal")) return RX_LOG;
    if (ends(inner, ".lock") || ends(inner, "/owner")) return RX_LOCKS;
    if (begins(inner, "blobs/sha256/")) return strlen(inner) > 16 ? RX_BLOBS : RX_FOLDERS;
    if (begins(inner, "staging")) return RX_STAGING;
    if (begins(inner, "uploads")) return RX_UPLOADS;
    if (begins(inner, "trash")) return RX_TRASH;
    if (begins(inner, "damaged")) return RX_DAMAGED;
    if (begins(inner, "cache/partial")) return RX_PARTIAL;
    if (begins(inner, "cache")) return RX_CACHE;
    return RX_REST;
}

enum rx_place rx_place_of_open(int descriptor, char *path) {
    if (!has_plan) return RX_NOWHERE;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return RX_NOWHERE;
    path[length] = 0;
    return rx_place_of(path);
}

void rx_path_at(int folder, const char *name, char *path) {
    if (folder == AT_FDCWD || *name == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    char above[PATH_MAX];
    rx_place_of_open(folder, above);
    if (!has_plan) above[0] = 0;
    if (snprintf(path, PATH_MAX, "%s/%s", above, name) >= PATH_MAX) path[0] = 0;
}

static void count(enum rx_call call, enum rx_place place, int which) {
    if (counts) atomic_fetch_add(&counts[(call * RX_PLACES + place) * 2 + which], 1);
}

static struct rule *held(enum rx_call call, enum rx_place place, bool after) {
    for (int i = 0; i < rule_count; i++) {
        struct rule *rule = &rules[i];
        if (rule->call != (int)call || rule->place != (int)place || rule->after != after) continue;
        int passed = atomic_fetch_add(&rule->passed, 1) + 1;
        if (passed < rule->from || (rule->times && passed >= rule->from + rule->times)) continue;
        count(call, place, 1);
        return rule;
    }
    return NULL;
}

enum rx_verdict rx_before(enum rx_call call, enum rx_place place) {
    if (place == RX_NOWHERE) return RX_GO_ON;
    count(call, place, 0);
    struct rule *rule = held(call, place, false);
    if (!rule) return RX_GO_ON;
    if (rule->kills) rx_die();
    errno = rule->error;
    return rule->verdict;
}

void rx_after(enum rx_call call, enum rx_place place) {
    if (place == RX_NOWHERE) return;
    int error = errno;
    struct rule *rule = held(call, place, true);
    if (rule && rule->kills) rx_die();
    errno = error;
}
