// A closed-loop load generator for TCP echo servers: every connection keeps a fixed number of requests in flight.
//
// It must never be the bottleneck, so it is made cheaper than any server it measures: registered descriptors, one
// system call and one look at the clock a turn, a handful of buffers that stay in the cache. By default it also polls
// instead of sleeping. A sleeping client would have to be woken by the server's core, at the server's expense, which
// no client beyond a network card ever is.
//
// Its stream is periodic with a prime period and starts elsewhere on every connection, so that lost, repeated, swapped
// and misdirected bytes all show.
//
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFERS = 64, // few, so that they stay in the cache
    BUFFER_SIZE = 16384,
    BUFFER_GROUP = 0,
    SUBMISSION_ENTRIES = 1024,
    COMPLETION_ENTRIES = 32768,
    PATTERN_PERIOD = 4093, // a prime, so that no power-of-two mistake is invisible
    MAX_REQUEST_SIZE = 1 << 24,
    TICK_MILLISECONDS = 50,
    DRAIN_SECONDS = 1,
};

enum operation { RECEIVE, SEND, TICK };

__attribute__((noreturn)) static void die(const char *what, int error)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(error));
    exit(1);
}

static int check(const char *what, int result)
{
    if (result < 0)
        die(what, errno);
    return result;
}

static void check_uring(const char *what, int result)
{
    if (result < 0)
        die(what, -result);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        die("calloc", ENOMEM);
    return memory;
}

// MARK: histogram

// Exact below 2^SUB_BITS ns; above, each power of two has 2^SUB_BITS buckets, so a bucket is 0.8 % wide at most.
enum { SUB_BITS = 7, SUB_BUCKETS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS + 1) * SUB_BUCKETS };

struct histogram {
    uint64_t counts[BUCKETS];
    uint64_t total;
};

static unsigned bucket_of(uint64_t value)
{
    if (value < SUB_BUCKETS)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return ((shift + 1) << SUB_BITS) + (unsigned)(value >> shift) - SUB_BUCKETS;
}

// The middle of a bucket.
static double value_of(unsigned bucket)
{
    if (bucket < SUB_BUCKETS)
        return bucket;
    unsigned shift = (bucket >> SUB_BITS) - 1;
    uint64_t lowest = (uint64_t)((bucket & (SUB_BUCKETS - 1)) + SUB_BUCKETS) << shift;
    return (double)lowest + (double)(1ull << shift) / 2;
}

static void record(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->total++;
}

static double quantile(const struct histogram *histogram, double q)
{
    uint64_t rank = (uint64_t)(q * (double)histogram->total), seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > rank)
            return value_of(bucket);
    }
    return 0;
}

// MARK: clocks

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;
    check("clock_gettime", clock_gettime(clock, &time));
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

// What a process has used. `total` has the scheduler's own nanosecond resolution; user and system come in clock ticks
// and serve only to split it.
struct cpu_time {
    uint64_t total;
    uint64_t user_ticks;
    uint64_t system_ticks;
};

static void read_ticks(pid_t pid, struct cpu_time *time)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file))
        die(path, errno);
    fclose(file);
    // The name in parentheses may hold anything, so count fields from its end: utime and stime are the 14th and 15th.
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &time->user_ticks,
                        &time->system_ticks) != 2)
        die(path, EINVAL);
}

static struct cpu_time cpu_time_of(pid_t pid)
{
    struct cpu_time time;
    clockid_t clock;
    int error = clock_getcpuclockid(pid, &clock);
    if (error)
        die("--server-pid", error);
    time.total = read_clock(clock);
    read_ticks(pid, &time);
    return time;
}

// MARK: state

struct options {
    uint16_t port;
    unsigned connections;
    unsigned size;
    unsigned pipeline;
    double seconds;
    double warmup;
    pid_t server;
    bool json;
    bool sleep;
};

// Positions count the bytes of a connection's stream.
struct connection {
    uint64_t asked;    // requests made so far, in bytes
    uint64_t sent;     // taken by the kernel
    uint64_t received; // echoed and checked
    uint64_t *started; // when each request in flight was made: a queue, indexed by request modulo the pipeline
    bool receiving;
    bool sending;
    bool failed;
};

struct sample {
    uint64_t time;
    uint64_t own_cpu;
    uint64_t idle;
    uint64_t turns;
    struct cpu_time server;
};

enum phase { WARMING_UP, MEASURING, DRAINING, DONE };

struct load {
    struct options options;
    struct io_uring ring;
    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    char *pattern; // long enough to read a full send or buffer from any position within the period
    struct connection *connections;
    struct histogram histogram;
    enum phase phase;
    uint64_t deadline; // of the phase
    uint64_t turn_time; // the clock, once a turn
    uint64_t idle; // spent polling in vain
    uint64_t turns; // that found something
    uint64_t requests;
    uint64_t errors;
    unsigned alive;
    unsigned in_flight;
    const char *congestion;
    struct sample begin, end;
};

// MARK: traffic

static struct io_uring_sqe *next_sqe(struct load *load)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&load->ring)))
        io_uring_submit(&load->ring);
    return sqe;
}

static void set_target(struct io_uring_sqe *sqe, enum operation operation, unsigned id)
{
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe->user_data = (uint64_t)operation << 32 | id;
}

static unsigned id_of(const struct load *load, const struct connection *connection)
{
    return (unsigned)(connection - load->connections);
}

// The bytes that belong at a position of a connection's stream.
static const char *expected(const struct load *load, const struct connection *connection, uint64_t position)
{
    return load->pattern + (position + id_of(load, connection) * 61u) % PATTERN_PERIOD;
}

static void submit_receive(struct load *load, struct connection *connection)
{
    struct io_uring_sqe *sqe = next_sqe(load);
    io_uring_prep_recv_multishot(sqe, (int)id_of(load, connection), NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    set_target(sqe, RECEIVE, id_of(load, connection));
    connection->receiving = true;
}

// Sends all that has been asked for and not been sent, in one go.
static void submit_send(struct load *load, struct connection *connection)
{
    if (connection->sending || connection->failed || connection->sent == connection->asked)
        return;
    struct io_uring_sqe *sqe = next_sqe(load);
    io_uring_prep_send(sqe, (int)id_of(load, connection), expected(load, connection, connection->sent),
                       connection->asked - connection->sent, MSG_WAITALL);
    set_target(sqe, SEND, id_of(load, connection));
    connection->sending = true;
}

static void ask(struct load *load, struct connection *connection)
{
    uint64_t request = connection->asked / load->options.size;
    connection->started[request % load->options.pipeline] = load->turn_time;
    connection->asked += load->options.size;
    load->in_flight++;
}

static void fail(struct load *load, struct connection *connection)
{
    if (connection->failed)
        return;
    connection->failed = true;
    load->errors++;
    load->alive--;
    load->in_flight -= (unsigned)((connection->asked - connection->received + load->options.size - 1) /
                                  load->options.size);
}

static void finish_request(struct load *load, struct connection *connection, uint64_t request)
{
    uint64_t started = connection->started[request % load->options.pipeline];
    load->in_flight--;
    if (load->phase == MEASURING) {
        load->requests++;
        record(&load->histogram, load->turn_time - started);
    }
    if (load->phase < DRAINING)
        ask(load, connection);
}

static void take_echo(struct load *load, struct connection *connection, const char *bytes, unsigned count)
{
    uint64_t position = connection->received;
    if (position + count > connection->asked ||
        memcmp(bytes, expected(load, connection, position), count) != 0)
        return fail(load, connection);
    uint64_t first = position / load->options.size;
    uint64_t last = (position + count) / load->options.size;
    connection->received += count;
    for (uint64_t request = first; request < last; request++)
        finish_request(load, connection, request);
    submit_send(load, connection);
}

static void on_receive(struct load *load, struct connection *connection, const struct io_uring_cqe *cqe)
{
    connection->receiving = cqe->flags & IORING_CQE_F_MORE;
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        char *buffer = load->buffers + (size_t)id * BUFFER_SIZE;
        if (cqe->res > 0 && !connection->failed)
            take_echo(load, connection, buffer, (unsigned)cqe->res);
        io_uring_buf_ring_add(load->buffer_ring, buffer, BUFFER_SIZE, (unsigned short)id,
                              io_uring_buf_ring_mask(BUFFERS), 0);
        io_uring_buf_ring_advance(load->buffer_ring, 1);
    }
    if (cqe->res == 0 || (cqe->res < 0 && cqe->res != -ENOBUFS))
        fail(load, connection);
    // Running out of buffers is no error: each is back by the time this receive is submitted.
    if (!connection->receiving && !connection->failed)
        submit_receive(load, connection);
}

static void on_send(struct load *load, struct connection *connection, const struct io_uring_cqe *cqe)
{
    connection->sending = false;
    if (cqe->res < 0)
        return fail(load, connection);
    connection->sent += (uint64_t)cqe->res;
    submit_send(load, connection);
}

// Bounds the sleep of a turn that finds no traffic, so that a server that stalls can't stall the measurement.
static void submit_tick(struct load *load)
{
    static struct __kernel_timespec interval = {.tv_nsec = TICK_MILLISECONDS * 1000000};
    struct io_uring_sqe *sqe = next_sqe(load);
    io_uring_prep_timeout(sqe, &interval, 0, 0);
    sqe->user_data = (uint64_t)TICK << 32;
}

static void dispatch(struct load *load, const struct io_uring_cqe *cqe)
{
    struct connection *connection = &load->connections[(uint32_t)cqe->user_data];
    switch ((enum operation)(cqe->user_data >> 32)) {
    case RECEIVE: on_receive(load, connection, cqe); break;
    case SEND: on_send(load, connection, cqe); break;
    case TICK: submit_tick(load); break;
    }
}

// MARK: the run

static struct sample take_sample(const struct load *load)
{
    struct sample sample = {
        .time = now(), .own_cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID), .idle = load->idle, .turns = load->turns};
    if (load->options.server)
        sample.server = cpu_time_of(load->options.server);
    return sample;
}

static uint64_t nanoseconds(double seconds) { return (uint64_t)(seconds * 1e9); }

static void enter_next_phase(struct load *load)
{
    load->phase++;
    if (load->phase == MEASURING) {
        load->begin = take_sample(load);
        load->deadline = load->begin.time + nanoseconds(load->options.seconds);
    } else if (load->phase == DRAINING) {
        load->end = take_sample(load);
        load->deadline = load->end.time + nanoseconds(DRAIN_SECONDS);
    }
}

static unsigned reap(struct load *load)
{
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&load->ring, head, cqe) {
        dispatch(load, cqe);
        count++;
    }
    io_uring_cq_advance(&load->ring, count);
    return count;
}

static void turn(struct load *load)
{
    int result = load->options.sleep ? io_uring_submit_and_wait(&load->ring, 1)
                                     : io_uring_submit_and_get_events(&load->ring);
    if (result < 0 && result != -EINTR)
        die("io_uring_enter", -result);
    uint64_t before = load->turn_time;
    load->turn_time = now();
    if (reap(load) > 0)
        load->turns++;
    else if (!load->options.sleep)
        load->idle += load->turn_time - before;
}

static void run(struct load *load)
{
    load->turn_time = now();
    load->deadline = load->turn_time + nanoseconds(load->options.warmup);
    load->alive = load->options.connections;
    submit_tick(load);
    for (unsigned id = 0; id < load->options.connections; id++) {
        submit_receive(load, &load->connections[id]);
        for (unsigned request = 0; request < load->options.pipeline; request++)
            ask(load, &load->connections[id]);
        submit_send(load, &load->connections[id]);
    }
    while (load->phase != DONE) {
        turn(load);
        if (load->turn_time >= load->deadline || load->alive == 0 ||
            (load->phase == DRAINING && load->in_flight == 0))
            enter_next_phase(load);
    }
    load->errors += load->in_flight; // never answered
}

// MARK: set-up

// The host's default may pace (bbr does, by timers), which would measure the pacing.
static const char *avoid_pacing(int descriptor)
{
    static const char *const names[] = {"reno", "cubic"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, names[i], (socklen_t)strlen(names[i])) == 0)
            return names[i];
    return "host default";
}

static int connect_one(struct load *load)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(load->options.port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;
    int descriptor = check("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    load->congestion = avoid_pacing(descriptor);
    check("TCP_NODELAY", setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    check("connect", connect(descriptor, (struct sockaddr *)&address, sizeof address));
    return descriptor;
}

static void connect_all(struct load *load)
{
    unsigned count = load->options.connections;
    int *descriptors = allocate(count, sizeof *descriptors);
    load->connections = allocate(count, sizeof *load->connections);
    for (unsigned id = 0; id < count; id++) {
        descriptors[id] = connect_one(load);
        load->connections[id].started = allocate(load->options.pipeline, sizeof(uint64_t));
    }
    check_uring("register descriptors", io_uring_register_files(&load->ring, descriptors, count));
    free(descriptors);
}

static void set_up_ring(struct load *load)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETION_ENTRIES,
    };
    check_uring("io_uring_setup", io_uring_queue_init_params(SUBMISSION_ENTRIES, &load->ring, &params));
    check_uring("register the ring's descriptor", io_uring_register_ring_fd(&load->ring));
}

static void set_up_buffers(struct load *load)
{
    void *memory;
    if (posix_memalign(&memory, 4096, BUFFERS * sizeof(struct io_uring_buf)) != 0)
        die("posix_memalign", ENOMEM);
    load->buffer_ring = memory;
    load->buffers = allocate(BUFFERS, BUFFER_SIZE);
    io_uring_buf_ring_init(load->buffer_ring);
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)memory, .ring_entries = BUFFERS, .bgid = BUFFER_GROUP};
    check_uring("register a buffer ring", io_uring_register_buf_ring(&load->ring, &registration, 0));
    for (unsigned id = 0; id < BUFFERS; id++)
        io_uring_buf_ring_add(load->buffer_ring, load->buffers + (size_t)id * BUFFER_SIZE, BUFFER_SIZE,
                              (unsigned short)id, io_uring_buf_ring_mask(BUFFERS), (int)id);
    io_uring_buf_ring_advance(load->buffer_ring, BUFFERS);
}

static void set_up_pattern(struct load *load)
{
    size_t longest = (size_t)load->options.size * load->options.pipeline;
    size_t length = PATTERN_PERIOD + (longest > BUFFER_SIZE ? longest : BUFFER_SIZE);
    load->pattern = allocate(length, 1);
    uint32_t state = 1;
    for (size_t i = 0; i < length; i++) {
        state = state * 1664525 + 1013904223;
        load->pattern[i] = i < PATTERN_PERIOD ? (char)(state >> 24) : load->pattern[i - PATTERN_PERIOD];
    }
}

// MARK: command line

__attribute__((noreturn)) static void exit_with_usage(void)
{
    fprintf(stderr, "usage: load --port PORT [--connections N] [--size BYTES] [--seconds S] [--warmup S]\n"
                    "            [--pipeline K] [--server-pid PID] [--sleep] [--json]\n");
    exit(2);
}

static double parse_number(const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most))
        exit_with_usage();
    return value;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},     {"connections", required_argument, NULL, 'c'},
        {"size", required_argument, NULL, 'b'},     {"seconds", required_argument, NULL, 's'},
        {"warmup", required_argument, NULL, 'w'},   {"pipeline", required_argument, NULL, 'k'},
        {"server-pid", required_argument, NULL, 'i'}, {"sleep", no_argument, NULL, 'z'},
        {"json", no_argument, NULL, 'j'},           {0},
    };
    struct options options = {.connections = 64, .size = 64, .pipeline = 1, .seconds = 2, .warmup = 0.5};
    for (int key; (key = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (key) {
        case 'p': options.port = (uint16_t)parse_number(optarg, 1, UINT16_MAX); break;
        case 'c': options.connections = (unsigned)parse_number(optarg, 1, 30000); break;
        case 'b': options.size = (unsigned)parse_number(optarg, 1, MAX_REQUEST_SIZE); break;
        case 's': options.seconds = parse_number(optarg, 0.01, 3600); break;
        case 'w': options.warmup = parse_number(optarg, 0, 3600); break;
        case 'k': options.pipeline = (unsigned)parse_number(optarg, 1, 4096); break;
        case 'i': options.server = (pid_t)parse_number(optarg, 1, INT32_MAX); break;
        case 'z': options.sleep = true; break;
        case 'j': options.json = true; break;
        default: exit_with_usage();
        }
    }
    if (optind != argc || options.port == 0 || (uint64_t)options.size * options.pipeline > MAX_REQUEST_SIZE)
        exit_with_usage();
    return options;
}

// MARK: report

struct report {
    double seconds;
    double requests_per_second;
    double p50, p99, p999; // µs
    double own_cpu; // share of its core that was used, polling included
    double busy;    // share of its core that was needed
    double requests_per_turn;
    double server_user, server_system, server_total; // µs a request
    double server_cpu; // share of a core
};

static void add_server(struct report *report, const struct load *load)
{
    const struct cpu_time *begin = &load->begin.server, *end = &load->end.server;
    double user = (double)(end->user_ticks - begin->user_ticks);
    double ticks = user + (double)(end->system_ticks - begin->system_ticks);
    double total = (double)(end->total - begin->total) / 1e3;
    report->server_cpu = total / 1e6 / report->seconds;
    report->server_total = total / (double)load->requests;
    report->server_user = ticks > 0 ? report->server_total * user / ticks : 0;
    report->server_system = report->server_total - report->server_user;
}

static struct report make_report(const struct load *load)
{
    double elapsed = (double)(load->end.time - load->begin.time);
    double requests = (double)load->requests;
    struct report report = {
        .seconds = elapsed / 1e9,
        .requests_per_second = requests / elapsed * 1e9,
        .p50 = quantile(&load->histogram, 0.5) / 1e3,
        .p99 = quantile(&load->histogram, 0.99) / 1e3,
        .p999 = quantile(&load->histogram, 0.999) / 1e3,
        .own_cpu = (double)(load->end.own_cpu - load->begin.own_cpu) / elapsed,
        .requests_per_turn = requests / (double)(load->end.turns - load->begin.turns),
    };
    report.busy = report.own_cpu - (double)(load->end.idle - load->begin.idle) / elapsed;
    if (report.busy < 0)
        report.busy = 0; // idle is wall time: another process on this core inflates it
    if (load->options.server)
        add_server(&report, load);
    return report;
}

// The load limits the throughput if it had nothing left and the server had: more turns with less in each keep the load
// busy as well, so its own figure alone proves nothing.
static bool is_saturated(const struct load *load, const struct report *report)
{
    return report->busy > 0.95 && (!load->options.server || report->server_cpu < 0.95);
}

static void print_json(const struct load *load, const struct report *report)
{
    printf("{\"connections\": %u, \"size\": %u, \"pipeline\": %u, \"congestion\": \"%s\", \"seconds\": %.4f, "
           "\"requests\": %lu, \"errors\": %lu, \"requests_per_second\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
           "\"p999_us\": %.2f, \"load_cpu\": %.3f, \"load_busy\": %.3f, \"load_saturated\": %s, "
           "\"requests_per_turn\": %.2f",
           load->options.connections, load->options.size, load->options.pipeline, load->congestion, report->seconds,
           load->requests, load->errors, report->requests_per_second, report->p50, report->p99, report->p999,
           report->own_cpu, report->busy, is_saturated(load, report) ? "true" : "false", report->requests_per_turn);
    if (load->options.server)
        printf(", \"server_cpu\": %.3f, \"server_user_us\": %.4f, \"server_system_us\": %.4f, "
               "\"server_total_us\": %.4f",
               report->server_cpu, report->server_user, report->server_system, report->server_total);
    printf("}\n");
}

static void print_text(const struct load *load, const struct report *report)
{
    printf("%u connections x %u bytes, pipeline %u, congestion control %s, %.2f s\n", load->options.connections,
           load->options.size, load->options.pipeline, load->congestion, report->seconds);
    printf("requests   %10.0f /s, %lu in all, %lu errors\n", report->requests_per_second, load->requests,
           load->errors);
    printf("latency    p50 %.1f us, p99 %.1f us, p99.9 %.1f us\n", report->p50, report->p99, report->p999);
    printf("load       %.0f %% busy of %.0f %% CPU, %.1f requests a turn%s\n", report->busy * 100,
           report->own_cpu * 100, report->requests_per_turn,
           is_saturated(load, report) ? "; SATURATED: the load is the bottleneck" : "");
    if (load->options.server)
        printf("server     %.2f us a request: user %.2f, system %.2f; %.0f %% CPU\n", report->server_total,
               report->server_user, report->server_system, report->server_cpu * 100);
}

int main(int argc, char **argv)
{
    static struct load load;
    load.options = parse_options(argc, argv);
    set_up_pattern(&load);
    set_up_ring(&load);
    set_up_buffers(&load);
    connect_all(&load);
    run(&load);
    if (load.requests == 0)
        die("no request was answered in time", ETIMEDOUT);
    struct report report = make_report(&load);
    (load.options.json ? print_json : print_text)(&load, &report);
    return load.errors > 0;
}
