// A load generator for TCP servers that echo or, with --sink, discard.
//
// It is a closed loop: every active connection keeps a fixed number of requests in flight. With --rate it is an open one:
// requests become due by the clock, whatever the server does, and their latency counts from then, so that a server that
// stalls is charged for all the requests that it kept waiting (no coordinated omission).
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
#include "measurement.h"

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
    MAX_BACKLOG = 8192, // requests that one connection may have in flight at a fixed rate
};

enum operation { RECEIVE, SEND, TICK };

// MARK: state

struct options {
    uint16_t port;
    unsigned connections;
    unsigned active; // of these, so many make requests; the others stay idle
    unsigned size;
    unsigned pipeline;
    unsigned requests; // measured; 0: as many as `seconds` allow
    double rate; // a second, over all connections; 0: a closed loop
    double seconds;
    double warmup;
    bool sink;
    bool json;
    bool sleep;
};

// Positions count the bytes of a connection's stream.
struct connection {
    uint64_t asked;    // requests made so far, in bytes
    uint64_t sent;     // taken by the kernel
    uint64_t received; // echoed and checked
    uint64_t *started; // when each request in flight was made: a queue, indexed by request modulo the backlog
    bool receiving;
    bool sending;
    bool failed;
};

enum phase { WARMING_UP, MEASURING, DRAINING, DONE };

struct load {
    struct options options;
    struct measurement measurement;
    struct io_uring ring;
    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    char *pattern; // long enough to read a full send or buffer from any position within the period
    struct connection *connections;
    unsigned backlog; // requests that a connection may have in flight
    enum phase phase;
    uint64_t deadline; // of the phase
    uint64_t turn_time; // the clock, once a turn
    double next_due; // when the next request is to be made, at a fixed rate
    unsigned next_asking; // and by which connection
    unsigned alive;
    unsigned in_flight;
    const char *congestion;
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

static void ask(struct load *load, struct connection *connection, uint64_t started)
{
    uint64_t request = connection->asked / load->options.size;
    connection->started[request % load->backlog] = started;
    connection->asked += load->options.size;
    load->in_flight++;
}

static void fail(struct load *load, struct connection *connection)
{
    if (connection->failed)
        return;
    connection->failed = true;
    load->measurement.errors++;
    load->alive--;
    load->in_flight -= (unsigned)((connection->asked - connection->received + load->options.size - 1) /
                                  load->options.size);
}

static bool has_enough(const struct load *load)
{
    return load->options.requests > 0 && load->measurement.requests >= load->options.requests;
}

static void finish_request(struct load *load, struct connection *connection, uint64_t request)
{
    uint64_t started = connection->started[request % load->backlog];
    load->in_flight--;
    if (load->phase == MEASURING) {
        load->measurement.requests++;
        record(&load->measurement.histogram, load->turn_time - started);
    }
    if (load->phase < DRAINING && load->options.rate == 0)
        ask(load, connection, load->turn_time);
}

// Takes the stream's next bytes as answered.
static void advance(struct load *load, struct connection *connection, unsigned count)
{
    uint64_t first = connection->received / load->options.size;
    connection->received += count;
    uint64_t last = connection->received / load->options.size;
    for (uint64_t request = first; request < last; request++)
        finish_request(load, connection, request);
    submit_send(load, connection);
}

static void take_echo(struct load *load, struct connection *connection, const char *bytes, unsigned count)
{
    uint64_t position = connection->received;
    if (load->options.sink || position + count > connection->asked ||
        memcmp(bytes, expected(load, connection, position), count) != 0)
        return fail(load, connection);
    advance(load, connection, count);
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
    // Nobody answers for a sink: what its kernel has taken counts, and the peer's window makes that keep step.
    if (load->options.sink)
        advance(load, connection, (unsigned)cqe->res);
    else
        submit_send(load, connection);
}

// Makes the requests that are due at a fixed rate, one connection after the other. What a connection that is too far
// behind cannot take is an error.
static void ask_what_is_due(struct load *load)
{
    if (load->options.rate == 0 || load->phase >= DRAINING)
        return;
    for (; load->next_due <= (double)load->turn_time; load->next_due += 1e9 / load->options.rate) {
        struct connection *connection = &load->connections[load->next_asking++ % load->options.active];
        if (connection->failed)
            continue;
        if ((connection->asked - connection->received) / load->options.size >= load->backlog) {
            fail(load, connection);
            continue;
        }
        ask(load, connection, (uint64_t)load->next_due);
        submit_send(load, connection);
    }
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

static uint64_t nanoseconds(double seconds) { return (uint64_t)(seconds * 1e9); }

static void enter_next_phase(struct load *load)
{
    load->phase++;
    if (load->phase == MEASURING) {
        load->measurement.begin = take_sample(&load->measurement);
        load->deadline = load->measurement.begin.time + nanoseconds(load->options.seconds);
    } else if (load->phase == DRAINING) {
        load->measurement.end = take_sample(&load->measurement);
        load->deadline = load->measurement.end.time + nanoseconds(DRAIN_SECONDS);
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
        load->measurement.turns++;
    else if (!load->options.sleep)
        load->measurement.idle += load->turn_time - before;
}

static void start_all(struct load *load)
{
    for (unsigned id = 0; id < load->options.connections; id++)
        submit_receive(load, &load->connections[id]);
    if (load->options.rate > 0)
        return;
    for (unsigned id = 0; id < load->options.active; id++) {
        for (unsigned request = 0; request < load->options.pipeline; request++)
            ask(load, &load->connections[id], load->turn_time);
        submit_send(load, &load->connections[id]);
    }
}

static void run(struct load *load)
{
    load->turn_time = now();
    load->deadline = load->turn_time + nanoseconds(load->options.warmup);
    load->next_due = (double)load->turn_time;
    load->alive = load->options.connections;
    submit_tick(load);
    start_all(load);
    while (load->phase != DONE) {
        turn(load);
        ask_what_is_due(load);
        if (load->turn_time >= load->deadline || load->alive == 0 || (load->phase == MEASURING && has_enough(load)) ||
            (load->phase == DRAINING && load->in_flight == 0))
            enter_next_phase(load);
    }
    load->measurement.errors += load->in_flight; // never answered
}

// MARK: set-up

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
    load->backlog = load->options.rate > 0 ? MAX_BACKLOG : load->options.pipeline;
    int *descriptors = allocate(count, sizeof *descriptors);
    load->connections = allocate(count, sizeof *load->connections);
    for (unsigned id = 0; id < count; id++) {
        descriptors[id] = connect_one(load);
        load->connections[id].started = id < load->options.active ? allocate(load->backlog, sizeof(uint64_t)) : NULL;
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
    fprintf(stderr, "usage: load --port PORT [--connections N] [--active N] [--size BYTES] [--pipeline K] [--sink]\n"
                    "            [--rate REQUESTS_A_SECOND] [--seconds S | --requests N] [--warmup S]\n"
                    "            [--server-pid PID] [--allocations FILE] [--sleep] [--json]\n");
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

static void parse_options(struct load *load, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},       {"connections", required_argument, NULL, 'c'},
        {"active", required_argument, NULL, 'a'},     {"size", required_argument, NULL, 'b'},
        {"seconds", required_argument, NULL, 's'},    {"warmup", required_argument, NULL, 'w'},
        {"pipeline", required_argument, NULL, 'k'},   {"requests", required_argument, NULL, 'n'},
        {"rate", required_argument, NULL, 'r'},       {"server-pid", required_argument, NULL, 'i'},
        {"allocations", required_argument, NULL, 'm'}, {"sink", no_argument, NULL, 'o'},
        {"sleep", no_argument, NULL, 'z'},            {"json", no_argument, NULL, 'j'},
        {0},
    };
    struct options options = {.connections = 64, .size = 64, .pipeline = 1, .seconds = 2, .warmup = 0.5};
    for (int key; (key = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (key) {
        case 'p': options.port = (uint16_t)parse_number(optarg, 1, UINT16_MAX); break;
        case 'c': options.connections = (unsigned)parse_number(optarg, 1, 30000); break;
        case 'a': options.active = (unsigned)parse_number(optarg, 1, 30000); break;
        case 'b': options.size = (unsigned)parse_number(optarg, 1, MAX_REQUEST_SIZE); break;
        case 's': options.seconds = parse_number(optarg, 0.01, 3600); break;
        case 'w': options.warmup = parse_number(optarg, 0, 3600); break;
        case 'k': options.pipeline = (unsigned)parse_number(optarg, 1, 4096); break;
        case 'n': options.requests = (unsigned)parse_number(optarg, 1, 1e9); break;
        case 'r': options.rate = parse_number(optarg, 1, 1e7); break;
        case 'i': load->measurement.server = (pid_t)parse_number(optarg, 1, INT32_MAX); break;
        case 'm': load->measurement.allocations = map_counter(optarg); break;
        case 'o': options.sink = true; break;
        case 'z': options.sleep = true; break;
        case 'j': options.json = true; break;
        default: exit_with_usage();
        }
    }
    if (options.active == 0)
        options.active = options.connections;
    if (options.requests > 0)
        options.seconds = 3600; // the number ends it
    if (optind != argc || options.port == 0 || (uint64_t)options.size * options.pipeline > MAX_REQUEST_SIZE ||
        options.active > options.connections || (options.rate > 0 && (options.sleep || options.pipeline > 1)))
        exit_with_usage();
    load->options = options;
}

static void print(const struct load *load, const struct report *report)
{
    const struct options *options = &load->options;
    char text[512];
    if (!options->json) {
        printf("%u connections, %u active, x %u bytes, pipeline %u, congestion control %s\n", options->connections,
               options->active, options->size, options->pipeline, load->congestion);
        return print_text(&load->measurement, report);
    }
    snprintf(text, sizeof text,
             "\"connections\": %u, \"active\": %u, \"size\": %u, \"pipeline\": %u, \"rate\": %.0f, "
             "\"congestion\": \"%s\"",
             options->connections, options->active, options->size, options->pipeline, options->rate,
             load->congestion);
    print_json(text, &load->measurement, report);
}

int main(int argc, char **argv)
{
    static struct load load;
    parse_options(&load, argc, argv);
    set_up_pattern(&load);
    set_up_ring(&load);
    set_up_buffers(&load);
    connect_all(&load);
    run(&load);
    if (load.measurement.requests == 0)
        die("no request was answered in time", ETIMEDOUT);
    struct report report = make_report(&load.measurement);
    print(&load, &report);
    return load.measurement.errors > 0;
}
