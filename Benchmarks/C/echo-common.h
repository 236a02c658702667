// What the C echo servers share: their command line, their listener and a few helpers.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, MAX_BUFFERS = 32768, MAX_BUFFER_SIZE = 1 << 24 };

// What echo-uring can do otherwise than it does by default; docs/performance.md says what each gives.
struct uring_options {
    enum { DEFER, COOP, PLAIN } ring; // how completions are posted: by the waiting thread, cooperatively, by interrupt
    bool direct;                      // accept into the ring's own table of files
    bool single_shot;                 // a receive at a time, into a provided buffer
    bool own_buffers;                 // a receive at a time, into a buffer of the connection's
    bool poll_first;                  // don't try a receive before there is something
    bool bundle;                      // a receive fills several buffers; with --sink
    bool incremental;                 // a receive goes on where the one before left off in the buffer
    bool send_bundle;                 // a send takes what waits in the connection's ring
    bool lone_send;                   // send by a system call if there is nothing else to submit
    bool no_sqarray;                  // no indirection to the submission entries
    bool zero_copy;                   // send from the buffer's own pages
    bool spin;                        // never sleep
    unsigned wait;                    // completions to wait for …
    unsigned min_wait;                // … this many microseconds at most
};

struct options {
    uint16_t port;
    bool sink; // discard instead of echoing
    bool is_uring; // whether any of these is set
    struct uring_options uring;
    unsigned buffers;
    unsigned buffer_size;
};

__attribute__((noreturn)) static inline void die(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, strerror(error));
    exit(1);
}

static inline int check(const char *what, int result)
{
    if (result < 0)
        die(what, errno);
    return result;
}

__attribute__((noreturn)) static inline void exit_with_usage(const char *program)
{
    fprintf(stderr, "usage: %s [--port PORT] [--sink] [--buffers N] [--buffer-size BYTES]\n"
                    "echo-uring only: [--direct] [--ring defer|coop|plain] [--single-shot | --own-buffers]\n"
                    "    [--poll-first] [--bundle | --incremental] [--send-bundle | --zero-copy | --lone-send]\n"
                    "    [--no-sqarray] [--spin] [--wait N --min-wait MICROSECONDS]\n", program);
    exit(2);
}

static inline unsigned parse_number(const char *program, const char *text, unsigned least, unsigned most)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most)
        exit_with_usage(program);
    return (unsigned)value;
}

static inline void set_ring(const char *program, struct uring_options *options, const char *name)
{
    static const char *const names[] = {"defer", "coop", "plain"};
    for (int ring = DEFER; ring <= PLAIN; ring++)
        if (strcmp(name, names[ring]) == 0) {
            options->ring = ring;
            return;
        }
    exit_with_usage(program);
}

static inline bool set_uring_option(const char *program, struct uring_options *options, int key)
{
    switch (key) {
    case 'd': options->direct = true; break;
    case 'r': set_ring(program, options, optarg); break;
    case '1': options->single_shot = true; break;
    case 'o': options->own_buffers = options->single_shot = true; break;
    case 'f': options->poll_first = true; break;
    case 'b': options->bundle = true; break;
    case 'i': options->incremental = true; break;
    case 'B': options->send_bundle = true; break;
    case 'l': options->lone_send = true; break;
    case 'a': options->no_sqarray = true; break;
    case 'z': options->zero_copy = true; break;
    case 'y': options->spin = true; break;
    case 'w': options->wait = parse_number(program, optarg, 1, 4096); break;
    case 'm': options->min_wait = parse_number(program, optarg, 1, 1000000); break;
    default: return false;
    }
    return true;
}

// What cannot be had together: each of these says what a buffer's bytes mean, or by which descriptor they go.
static inline void check_combination(const struct options *options)
{
    const struct uring_options *uring = &options->uring;
    if (uring->bundle && !options->sink)
        die("--bundle is for --sink", EINVAL);
    if (uring->own_buffers + uring->incremental + uring->bundle > 1)
        die("one of --own-buffers, --incremental and --bundle", EINVAL);
    if (uring->own_buffers + uring->zero_copy + uring->send_bundle + uring->lone_send > 1)
        die("one of --own-buffers, --zero-copy, --send-bundle and --lone-send", EINVAL);
    if (uring->lone_send && uring->direct)
        die("--lone-send is for ordinary descriptors", EINVAL);
}

static inline struct options parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},     {"sink", no_argument, NULL, 'k'},
        {"buffers", required_argument, NULL, 'n'},  {"buffer-size", required_argument, NULL, 's'},
        {"direct", no_argument, NULL, 'd'},         {"ring", required_argument, NULL, 'r'},
        {"single-shot", no_argument, NULL, '1'},    {"own-buffers", no_argument, NULL, 'o'},
        {"poll-first", no_argument, NULL, 'f'},     {"bundle", no_argument, NULL, 'b'},
        {"zero-copy", no_argument, NULL, 'z'},      {"spin", no_argument, NULL, 'y'},
        {"incremental", no_argument, NULL, 'i'},    {"send-bundle", no_argument, NULL, 'B'},
        {"lone-send", no_argument, NULL, 'l'},      {"no-sqarray", no_argument, NULL, 'a'},
        {"wait", required_argument, NULL, 'w'},     {"min-wait", required_argument, NULL, 'm'},
        {0},
    };
    struct options options = {.buffers = 1024, .buffer_size = 16384, .uring.wait = 1};
    for (int key; (key = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (key) {
        case 'p': options.port = (uint16_t)parse_number(argv[0], optarg, 0, UINT16_MAX); break;
        case 'k': options.sink = true; break;
        case 'n': options.buffers = parse_number(argv[0], optarg, 1, MAX_BUFFERS); break;
        case 's': options.buffer_size = parse_number(argv[0], optarg, 1, MAX_BUFFER_SIZE); break;
        default:
            if (!set_uring_option(argv[0], &options.uring, key))
                exit_with_usage(argv[0]);
            options.is_uring = true;
        }
    }
    if (optind != argc)
        exit_with_usage(argv[0]);
    check_combination(&options);
    return options;
}

static inline void announce(int listener)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    check("getsockname", getsockname(listener, (struct sockaddr *)&address, &length));
    printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
}

// Accepted sockets inherit TCP_NODELAY from their listener, which saves a system call a connection.
static inline int listen_on(uint16_t port, int socket_flags)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;
    int listener = check("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0));
    check("SO_REUSEADDR", setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    check("TCP_NODELAY", setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    check("bind", bind(listener, (struct sockaddr *)&address, sizeof address));
    check("listen", listen(listener, BACKLOG));
    return listener;
}

// A descriptor that becomes readable on SIGTERM or SIGINT, so that stopping is one more event for the loop.
static inline int open_stop_signal(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    check("sigprocmask", sigprocmask(SIG_BLOCK, &signals, NULL));
    return check("signalfd", signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

// No descriptor is ever as large as this, so it sizes tables that are indexed by descriptor.
static inline unsigned descriptor_limit(void)
{
    struct rlimit limit;
    check("getrlimit", getrlimit(RLIMIT_NOFILE, &limit));
    return limit.rlim_cur < (1u << 20) ? (unsigned)limit.rlim_cur : 1u << 20;
}
