/*
 * A model provider and an MCP server that answer at once, or after a fixed delay.
 *
 *   upstream PORT DELAY_MS
 *
 * Any path with /mcp speaks JSON-RPC; every other POST is a chat completion. A body that says "stream":true gets
 * CHUNKS server-sent events, one each INTERVAL_MS. One thread, one epoll, so that it never is what is measured.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNKS = 20, INTERVAL_MS = 50, BUFFER = 256 * 1024, EVENTS = 512 };

struct connection {
    int fd;
    size_t length;             /* bytes of the request read so far */
    char request[BUFFER];
    char answer[4096];         /* what waits for its time */
    int chunks;                /* chunks still to send; 0: `answer` is a whole response */
    long long due;             /* nanoseconds; 0: nothing waits */
    struct connection *next, *previous;
};

/* All waits in a queue last equally long, so the first in is the first due. */
struct queue {
    struct connection *first, *last;
};

static struct queue delayed, streaming;
static long long delay_ns;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void enqueue(struct queue *queue, struct connection *c, long long due) {
    c->due = due;
    c->next = NULL;
    c->previous = queue->last;
    *(queue->last ? &queue->last->next : &queue->first) = c;
    queue->last = c;
}

static void dequeue(struct connection *c) {
    struct queue *queue = c->chunks ? &streaming : &delayed;
    *(c->previous ? &c->previous->next : &queue->first) = c->next;
    *(c->next ? &c->next->previous : &queue->last) = c->previous;
    c->due = 0;
}

static void drop(struct connection *c) {
    if (c->due) dequeue(c);
    close(c->fd);
    free(c);
}

static bool transmit(struct connection *c, const char *data, size_t length) {
    /* Answers are small and readers keep up; a full socket buffer is a reader that is gone. */
    return send(c->fd, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void respond(struct connection *c, const char *status, const char *body) {
    snprintf(c->answer, sizeof c->answer,
             "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
}

static void answer_chat(struct connection *c) {
    respond(c, "200 OK",
            "{\"id\":\"chatcmpl-4f1d2b6a9c3e4d5f8a7b\",\"object\":\"chat.completion\",\"created\":1760000000,"
            "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
            "\"The harbour master counts the boats each evening, writes the number into a book, and compares it with "
            "the number of the morning; where they differ, somebody rows out with a lantern.\",\"refusal\":null},"
            "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":212,\"completion_tokens\":38,"
            "\"total_tokens\":250,\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":"
            "{\"reasoning_tokens\":0}},\"system_fingerprint\":\"fp_0123456789\"}");
}

/* The JSON-RPC id exactly as it was written, or null. */
static void copy_id(const char *body, char *id, size_t size) {
    const char *at = strstr(body, "\"id\"");
    snprintf(id, size, "null");
    if (!at || !(at = strchr(at, ':'))) return;
    at += 1 + strspn(at + 1, " ");
    size_t length = *at == '"' ? strcspn(at + 1, "\"") + 2 : strcspn(at, ",} ");
    if (length < size) snprintf(id, size, "%.*s", (int)length, at);
}

static void answer_mcp(struct connection *c, const char *body) {
    char id[128], text[2048];
    copy_id(body, id, sizeof id);
    const char *result = NULL;
    if (c->request[0] != 'P') {
        respond(c, "405 Method Not Allowed", "");
        return;
    }
    if (strstr(body, "\"notifications/")) {
        respond(c, "202 Accepted", "");
        return;
    }
    if (strstr(body, "\"tools/call\""))
        result = "{\"content\":[{\"type\":\"text\",\"text\":\"forty-two boats are back in the harbour\"}],\"isError\":false}";
    else if (strstr(body, "\"initialize\""))
        result = "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
                 "\"serverInfo\":{\"name\":\"harbour\",\"version\":\"1\"}}";
    else if (strstr(body, "\"tools/list\""))
        result = "{\"tools\":[{\"name\":\"count\",\"description\":\"Count the boats of a pier.\",\"inputSchema\":"
                 "{\"type\":\"object\",\"properties\":{\"pier\":{\"type\":\"string\"}}}}]}";
    else if (strstr(body, "\"ping\""))
        result = "{}";
    if (result)
        snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}", id, result);
    else
        snprintf(text, sizeof text,
                 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}", id);
    respond(c, "200 OK", text);
}

static bool send_chunk(struct connection *c) {
    char event[1024], framed[1200];
    bool last = --c->chunks == 0;
    int length = snprintf(event, sizeof event,
                          "data: {\"id\":\"chatcmpl-4f1d2b6a9c3e4d5f8a7b\",\"object\":\"chat.completion.chunk\","
                          "\"created\":1760000000,\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"delta\":"
                          "{\"content\":\"a boat \"},\"logprobs\":null,\"finish_reason\":%s}]%s}\n\n%s",
                          last ? "\"stop\"" : "null",
                          last ? ",\"usage\":{\"prompt_tokens\":212,\"completion_tokens\":38,\"total_tokens\":250}" : "",
                          last ? "data: [DONE]\n\n" : "");
    length = snprintf(framed, sizeof framed, "%x\r\n%s\r\n%s", length, event, last ? "0\r\n\r\n" : "");
    return transmit(c, framed, length);
}

static bool start_stream(struct connection *c) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    c->chunks = CHUNKS;
    enqueue(&streaming, c, now() + INTERVAL_MS * 1000000LL);
    return transmit(c, head, sizeof head - 1);
}

/* The body of a request that has arrived whole, or NULL while it has not. Undoes chunked framing in place. */
static char *whole_body(struct connection *c, bool *broken) {
    c->request[c->length] = 0;
    char *end = strstr(c->request, "\r\n\r\n");
    if (!end) return NULL;
    char *body = end + 4;
    *end = 0;
    const char *length = strcasestr(c->request, "\r\ncontent-length:");
    bool chunked = strcasestr(c->request, "\r\ntransfer-encoding: chunked");
    *end = '\r';
    if (!chunked) return c->request + c->length >= body + (length ? atol(length + 17) : 0) ? body : NULL;
    if (c->length < 5 || memcmp(c->request + c->length - 5, "0\r\n\r\n", 5)) return NULL;
    char *to = body, *from = body;
    for (long size; (size = strtol(from, &from, 16)) > 0; from += size + 2, to += size) {
        from += 2;
        if (from + size > c->request + c->length) return *broken = true, NULL;
        memmove(to, from, size);
    }
    *to = 0;
    return body;
}

static bool on_readable(struct connection *c) {
    ssize_t n = recv(c->fd, c->request + c->length, BUFFER - 1 - c->length, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    c->length += n;
    bool broken = false;
    char *body = whole_body(c, &broken);
    if (!body) return !broken && c->length < BUFFER - 1;
    char *line = strstr(c->request, "\r\n");
    bool mcp = memmem(c->request, line - c->request, "/mcp", 4);
    bool stream = !mcp && (strstr(body, "\"stream\":true") || strstr(body, "\"stream\": true"));
    if (mcp) answer_mcp(c, body);
    else if (!stream) answer_chat(c);
    c->length = 0;
    if (stream) return start_stream(c);
    if (delay_ns && !mcp) return enqueue(&delayed, c, now() + delay_ns), true;
    return transmit(c, c->answer, strlen(c->answer));
}

static void on_time(long long time) {
    for (struct connection *c; (c = delayed.first) && c->due <= time;) {
        dequeue(c);
        if (!transmit(c, c->answer, strlen(c->answer))) drop(c);
    }
    for (struct connection *c; (c = streaming.first) && c->due <= time;) {
        long long due = c->due + INTERVAL_MS * 1000000LL;
        dequeue(c);
        if (!send_chunk(c)) drop(c);
        else if (c->chunks) enqueue(&streaming, c, due);
    }
}

static int milliseconds_to_wait(void) {
    long long due = 0;
    if (delayed.first) due = delayed.first->due;
    if (streaming.first && (!due || streaming.first->due < due)) due = streaming.first->due;
    if (!due) return -1;
    long long left = due - now();
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

static void accept_all(int epoll, int listener) {
    int on = 1;
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        struct connection *c = calloc(1, sizeof *c);
        if (!c) exit(1);
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {EPOLLIN, {.ptr = c}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(int port) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (void *)&address, sizeof address) || listen(fd, 4096)) {
        perror("upstream: listen");
        exit(1);
    }
    return fd;
}

int main(int count, char **arguments) {
    if (count != 3) return fprintf(stderr, "usage: upstream PORT DELAY_MS\n"), 2;
    delay_ns = atoll(arguments[2]) * 1000000LL;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = listen_on(atoi(arguments[1])), epoll = epoll_create1(0);
    struct epoll_event mine = {EPOLLIN, {.ptr = NULL}}, events[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &mine);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, milliseconds_to_wait());
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) accept_all(epoll, listener);
            else if (!on_readable(c)) drop(c);
        }
        on_time(now());
    }
}
