/*
 * An HTTP/1.1 load driver. Closed loop: every connection asks again as soon as it is answered. Open loop (-r): requests
 * are due at a steady rate, and each is timed from the moment it was due, so a stall is charged to all that it delays.
 *
 *   driver -p PORT -u PATH -b BODYFILE -c CONNECTIONS -d SECONDS -w WARMUP [-r RATE] [-e TEXT] [-H "Name: value"]...
 *
 * An answer counts when its status is 2xx and, with -e, it contains TEXT. Prints "measuring" when the warm-up is over
 * and then one JSON object; latencies are milliseconds, `events` are server-sent events ("data: ").
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, ANSWER = 256 * 1024, DUE = 1 << 16 };
enum state { CONNECTING, IDLE, SENDING, READING };

struct connection {
    int fd;
    enum state state;
    size_t sent, length, scanned;
    long long started;
    char answer[ANSWER + 1];
};

static struct {
    const char *path, *body_file, *expected;
    char headers[8192];
    int port, connections;
    double seconds, warmup, rate;
} settings = {.path = "/", .port = 80, .connections = 1, .seconds = 1};

static char *request;
static size_t request_length;
static int epoll;
static struct connection *connections;
static int *idle, idle_count;
static long long due[DUE];
static unsigned due_first, due_last;
static bool measuring;
static float *latencies;
static size_t good, capacity, bad, failed, events_seen;
static char first_bad[400];

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void watch(int i, int operation, unsigned what) {
    struct epoll_event event = {what, {.u32 = i}};
    epoll_ctl(epoll, operation, connections[i].fd, &event);
}

static void dial(int i) {
    struct connection *c = &connections[i];
    int on = 1;
    struct sockaddr_in address = {AF_INET, htons(settings.port), {htonl(INADDR_LOOPBACK)}, {0}};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->state = CONNECTING;
    if (connect(c->fd, (void *)&address, sizeof address) && errno != EINPROGRESS) failed++;
    watch(i, EPOLL_CTL_ADD, EPOLLOUT);
}

static void redial(int i) {
    for (int k = 0; k < idle_count; k++)
        if (idle[k] == i) idle[k--] = idle[--idle_count];
    close(connections[i].fd);
    dial(i);
}

static void push(int i) {
    struct connection *c = &connections[i];
    ssize_t n = send(c->fd, request + c->sent, request_length - c->sent, MSG_NOSIGNAL);
    if (n > 0) c->sent += n;
    bool all = c->sent == request_length;
    if (c->state == SENDING || !all) watch(i, EPOLL_CTL_MOD, all ? EPOLLIN : EPOLLIN | EPOLLOUT);
    c->state = all ? READING : SENDING;
}

static void ask(int i, long long when) {
    struct connection *c = &connections[i];
    c->sent = c->length = c->scanned = 0;
    c->started = when;
    c->state = READING;
    push(i);
}

static void next(int i) {
    connections[i].state = IDLE;
    if (settings.rate == 0) ask(i, now());
    else if (due_first != due_last) ask(i, due[due_first++ % DUE]);
    else idle[idle_count++] = i;
}

/* Without pipelining an answer ends where the bytes end, so its end is all there is to look for. */
static bool whole(struct connection *c, bool closed) {
    char *end = memmem(c->answer, c->length, "\r\n\r\n", 4);
    if (!end) return false;
    *end = 0;
    char *length = strcasestr(c->answer, "\r\ncontent-length:");
    bool chunked = strcasestr(c->answer, "\r\ntransfer-encoding: chunked");
    *end = '\r';
    size_t head = end + 4 - c->answer;
    if (chunked) return c->length >= head + 5 && !memcmp(c->answer + c->length - 5, "0\r\n\r\n", 5);
    if (length) return c->length >= head + atol(length + 17);
    return closed || !strncmp(c->answer + 9, "204", 3);
}

static void count(struct connection *c, long long time) {
    if (!measuring) return;
    bool fine = c->length > 9 && c->answer[9] == '2';
    if (fine && settings.expected) fine = memmem(c->answer, c->length, settings.expected, strlen(settings.expected));
    if (!fine) {
        bad++;
        if (!first_bad[0]) snprintf(first_bad, sizeof first_bad, "%.*s", (int)c->length, c->answer);
        return;
    }
    if (good == capacity) {
        capacity = capacity ? capacity * 2 : 1 << 16;
        latencies = realloc(latencies, capacity * sizeof *latencies);
        if (!latencies) exit(1);
    }
    latencies[good++] = (time - c->started) / 1e6f;
}

static void count_events(struct connection *c) {
    for (char *at; (at = memmem(c->answer + c->scanned, c->length - c->scanned, "data: ", 6));) {
        c->scanned = at + 6 - c->answer;
        events_seen += measuring;
    }
}

static void pull(int i) {
    struct connection *c = &connections[i];
    ssize_t n = recv(c->fd, c->answer + c->length, ANSWER - c->length, 0);
    if (n < 0 && errno == EAGAIN) return;
    long long time = now();
    if (n <= 0 || c->state != READING) {
        bool complete = n == 0 && c->state == READING && whole(c, true);
        if (complete) count(c, time);
        else if (c->state == READING) failed += measuring;
        redial(i);
        return;
    }
    c->length += n;
    c->answer[c->length] = 0;
    count_events(c);
    if (whole(c, false)) {
        count(c, time);
        if (strcasestr(c->answer, "\r\nconnection: close")) redial(i);
        else next(i);
    } else if (c->length == ANSWER) {
        failed++;
        redial(i);
    }
}

static void serve(int i, unsigned what) {
    struct connection *c = &connections[i];
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            failed += measuring;
            usleep(1000);
            redial(i);
            return;
        }
        watch(i, EPOLL_CTL_MOD, EPOLLIN);
        next(i);
        return;
    }
    if (what & EPOLLOUT && c->state == SENDING) push(i);
    if (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(i);
}

static void build_request(void) {
    char *body = NULL;
    size_t length = 0;
    if (settings.body_file) {
        FILE *file = fopen(settings.body_file, "r");
        if (!file) perror(settings.body_file), exit(1);
        body = malloc(1 << 20);
        length = fread(body, 1, 1 << 20, file);
        fclose(file);
    }
    request = malloc(length + sizeof settings.headers + 1024);
    request_length = sprintf(request,
                             "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: "
                             "%zu\r\nAccept: application/json, text/event-stream\r\n%s\r\n",
                             settings.path, settings.port, length, settings.headers);
    memcpy(request + request_length, body, length);
    request_length += length;
}

static void read_settings(int argc, char **argv) {
    for (int option; (option = getopt(argc, argv, "p:u:b:c:d:w:r:e:H:")) != -1;) switch (option) {
        case 'p': settings.port = atoi(optarg); break;
        case 'u': settings.path = optarg; break;
        case 'b': settings.body_file = optarg; break;
        case 'c': settings.connections = atoi(optarg); break;
        case 'd': settings.seconds = atof(optarg); break;
        case 'w': settings.warmup = atof(optarg); break;
        case 'r': settings.rate = atof(optarg); break;
        case 'e': settings.expected = optarg; break;
        case 'H': strncat(settings.headers, optarg, 2000), strcat(settings.headers, "\r\n"); break;
        default: exit(2);
        }
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double quantile(double q) {
    return good ? latencies[(size_t)(q * (good - 1))] : 0;
}

static void report(double seconds) {
    qsort(latencies, good, sizeof *latencies, ascending);
    for (char *p = first_bad; *p; p++)
        if (*p == '"' || *p == '\\' || *p < 32) *p = ' ';
    printf("{\"seconds\":%.3f,\"ok\":%zu,\"bad\":%zu,\"failed\":%zu,\"events\":%zu,\"rps\":%.2f,\"p50\":%.4f,\"p99\":%.4f,"
           "\"max\":%.4f,\"first_bad\":\"%s\"}\n",
           seconds, good, bad, failed, events_seen, good / seconds, quantile(.5), quantile(.99), quantile(1), first_bad);
}

/* Queue or send what has come due; the nanoseconds until the next. */
static long long release_due(long long *next_due, long long time) {
    if (settings.rate == 0) return 10000000;
    for (; *next_due <= time; *next_due += 1e9 / settings.rate) {
        if (idle_count) ask(idle[--idle_count], *next_due);
        else if (due_last - due_first < DUE) due[due_last++ % DUE] = *next_due;
    }
    long long left = *next_due - now();
    return left < 0 ? 0 : left > 10000000 ? 10000000 : left;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    read_settings(argc, argv);
    build_request();
    epoll = epoll_create1(0);
    connections = calloc(settings.connections, sizeof *connections);
    idle = calloc(settings.connections, sizeof *idle);
    for (int i = 0; i < settings.connections; i++) dial(i);
    long long start = now() + settings.warmup * 1e9, end = start + settings.seconds * 1e9, next_due = now();
    struct epoll_event events[EVENTS];
    for (long long time; (time = now()) < end;) {
        if (!measuring && time >= start) {
            measuring = true;
            start = time;
            printf("measuring\n");
            fflush(stdout);
        }
        struct timespec wait = {0, release_due(&next_due, time)};
        int ready = epoll_pwait2(epoll, events, EVENTS, &wait, NULL);
        for (int i = 0; i < ready; i++) serve(events[i].data.u32, events[i].events);
    }
    report((now() - start) / 1e9);
    return 0;
}
