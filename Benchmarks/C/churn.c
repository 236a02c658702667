// A load of short connections: connect, one request, its answer, close; each of a number of lanes does so again and
// again. A connection is one request.
//
// Everything but making the socket goes through a ring, as a chain of linked operations. Lanes take their source address
// from all of 127.0.0.0/8 in turn, so that the ports of connections in TIME_WAIT don't run out. The load pays for both
// ends of the handshake, since on loopback the sender of a segment also runs what it causes at the receiver: so expect it
// to saturate, and look at the server's processor time.
//
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "measurement.h"

enum { SUBMISSION_ENTRIES = 1024, COMPLETION_ENTRIES = 8192, SOURCE_ADDRESSES = 250, MAX_SIZE = 16384 };

enum step { CONNECT, SEND, RECEIVE };

struct lane {
    int descriptor;
    uint64_t started;
    unsigned pending; // completions of the chain that are still to come
    bool failed;
    struct sockaddr_in target;
};

struct churn {
    struct measurement measurement;
    struct io_uring ring;
    struct lane *lanes;
    char *request, *answers;
    uint16_t port;
    unsigned lane_count, size, requests, next_source;
    double seconds, warmup;
    uint64_t turn_time;
    bool measuring, stopping, json;
    unsigned active;
};

static struct io_uring_sqe *next_sqe(struct churn *churn)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&churn->ring)))
        io_uring_submit(&churn->ring);
    return sqe;
}

// A lane's answers have room of their own: the kernel writes there until the chain has ended.
static char *answer_of(struct churn *churn, unsigned id) { return churn->answers + (size_t)id * MAX_SIZE; }

static int make_socket(struct churn *churn)
{
    int on = 1, descriptor = check("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    unsigned source = 2 + churn->next_source++ % SOURCE_ADDRESSES;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK - 1 + source)}};
    check("TCP_NODELAY", setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    // The port is chosen when the peer is known, so that each peer has all ports.
    check("IP_BIND_ADDRESS_NO_PORT", setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on));
    check("bind", bind(descriptor, (struct sockaddr *)&address, sizeof address));
    return descriptor;
}

static void set_step(struct churn *churn, struct io_uring_sqe *sqe, unsigned id, enum step step)
{
    sqe->user_data = (uint64_t)step << 32 | id;
    if (step != RECEIVE)
        sqe->flags |= IOSQE_IO_LINK;
    churn->lanes[id].pending++;
}

static void start_lane(struct churn *churn, unsigned id)
{
    struct lane *lane = &churn->lanes[id];
    *lane = (struct lane){.descriptor = make_socket(churn), .started = churn->turn_time};
    lane->target = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(churn->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (io_uring_sq_space_left(&churn->ring) < 3) // a chain must not be torn apart by a submission
        io_uring_submit(&churn->ring);
    struct io_uring_sqe *sqe = next_sqe(churn);
    io_uring_prep_connect(sqe, lane->descriptor, (struct sockaddr *)&lane->target, sizeof lane->target);
    set_step(churn, sqe, id, CONNECT);
    sqe = next_sqe(churn);
    io_uring_prep_send(sqe, lane->descriptor, churn->request, churn->size, MSG_WAITALL | MSG_NOSIGNAL);
    set_step(churn, sqe, id, SEND);
    sqe = next_sqe(churn);
    io_uring_prep_recv(sqe, lane->descriptor, answer_of(churn, id), churn->size, MSG_WAITALL);
    set_step(churn, sqe, id, RECEIVE);
    churn->active++;
}

static void finish_lane(struct churn *churn, unsigned id)
{
    struct lane *lane = &churn->lanes[id];
    struct measurement *measurement = &churn->measurement;
    bool right = !lane->failed && memcmp(answer_of(churn, id), churn->request, churn->size) == 0;
    close(lane->descriptor);
    churn->active--;
    measurement->errors += !right;
    if (churn->measuring && right) {
        measurement->requests++;
        record(&measurement->histogram, churn->turn_time - lane->started);
    }
    if (!churn->stopping)
        start_lane(churn, id);
}

static void dispatch(struct churn *churn, const struct io_uring_cqe *cqe)
{
    unsigned id = (uint32_t)cqe->user_data;
    struct lane *lane = &churn->lanes[id];
    enum step step = (enum step)(cqe->user_data >> 32);
    lane->failed |= step == CONNECT ? cqe->res < 0 : cqe->res != (int)churn->size;
    if (--lane->pending == 0)
        finish_lane(churn, id);
}

static unsigned reap(struct churn *churn)
{
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&churn->ring, head, cqe) {
        dispatch(churn, cqe);
        count++;
    }
    io_uring_cq_advance(&churn->ring, count);
    return count;
}

static void turn(struct churn *churn)
{
    int result = io_uring_submit_and_get_events(&churn->ring);
    if (result < 0 && result != -EINTR)
        die("io_uring_enter", -result);
    uint64_t before = churn->turn_time;
    churn->turn_time = now();
    if (reap(churn) > 0)
        churn->measurement.turns++;
    else
        churn->measurement.idle += churn->turn_time - before;
}

static void run_until(struct churn *churn, uint64_t deadline)
{
    while (churn->turn_time < deadline &&
           !(churn->measuring && churn->requests > 0 && churn->measurement.requests >= churn->requests))
        turn(churn);
}

static void run(struct churn *churn)
{
    churn->turn_time = now();
    for (unsigned id = 0; id < churn->lane_count; id++)
        start_lane(churn, id);
    run_until(churn, churn->turn_time + (uint64_t)(churn->warmup * 1e9));
    churn->measurement.begin = take_sample(&churn->measurement);
    churn->measuring = true;
    run_until(churn, churn->turn_time + (uint64_t)(churn->seconds * 1e9));
    churn->measurement.end = take_sample(&churn->measurement);
    churn->measuring = false;
    churn->stopping = true;
    uint64_t deadline = churn->turn_time + 1000000000;
    while (churn->active > 0 && churn->turn_time < deadline)
        turn(churn);
    churn->measurement.errors += churn->active; // never answered
}

static void set_up(struct churn *churn)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETION_ENTRIES,
    };
    check_uring("io_uring_setup", io_uring_queue_init_params(SUBMISSION_ENTRIES, &churn->ring, &params));
    check_uring("register the ring's descriptor", io_uring_register_ring_fd(&churn->ring));
    churn->lanes = allocate(churn->lane_count, sizeof *churn->lanes);
    churn->answers = allocate(churn->lane_count, MAX_SIZE);
    churn->request = allocate(churn->size, 1);
    for (unsigned i = 0; i < churn->size; i++)
        churn->request[i] = (char)(i * 7 + 1);
}

__attribute__((noreturn)) static void exit_with_usage(void)
{
    fprintf(stderr, "usage: churn --port PORT [--connections LANES] [--size BYTES] [--seconds S | --requests N]\n"
                    "             [--warmup S] [--server-pid PID] [--allocations FILE] [--json]\n");
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

static void parse_options(struct churn *churn, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},        {"connections", required_argument, NULL, 'c'},
        {"size", required_argument, NULL, 'b'},        {"seconds", required_argument, NULL, 's'},
        {"warmup", required_argument, NULL, 'w'},      {"requests", required_argument, NULL, 'n'},
        {"server-pid", required_argument, NULL, 'i'},  {"allocations", required_argument, NULL, 'm'},
        {"json", no_argument, NULL, 'j'},              {0},
    };
    *churn = (struct churn){.lane_count = 64, .size = 64, .seconds = 2, .warmup = 0.5};
    for (int key; (key = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (key) {
        case 'p': churn->port = (uint16_t)parse_number(optarg, 1, UINT16_MAX); break;
        case 'c': churn->lane_count = (unsigned)parse_number(optarg, 1, 2048); break;
        case 'b': churn->size = (unsigned)parse_number(optarg, 1, MAX_SIZE); break;
        case 's': churn->seconds = parse_number(optarg, 0.01, 3600); break;
        case 'w': churn->warmup = parse_number(optarg, 0, 3600); break;
        case 'n': churn->requests = (unsigned)parse_number(optarg, 1, 1e9); break;
        case 'i': churn->measurement.server = (pid_t)parse_number(optarg, 1, INT32_MAX); break;
        case 'm': churn->measurement.allocations = map_counter(optarg); break;
        case 'j': churn->json = true; break;
        default: exit_with_usage();
        }
    }
    if (churn->requests > 0)
        churn->seconds = 3600; // the number ends it
    if (optind != argc || churn->port == 0)
        exit_with_usage();
}

int main(int argc, char **argv)
{
    static struct churn churn;
    parse_options(&churn, argc, argv);
    set_up(&churn);
    run(&churn);
    if (churn.measurement.requests == 0)
        die("no request was answered in time", ETIMEDOUT);
    struct report report = make_report(&churn.measurement);
    if (churn.json) {
        char text[128];
        snprintf(text, sizeof text, "\"connections\": %u, \"size\": %u", churn.lane_count, churn.size);
        print_json(text, &churn.measurement, &report);
    } else {
        printf("%u lanes of short connections, %u bytes each way\n", churn.lane_count, churn.size);
        print_text(&churn.measurement, &report);
    }
    return churn.measurement.errors > 0;
}
