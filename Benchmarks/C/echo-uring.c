// A single-threaded TCP echo server on io_uring: the physical reference that a runtime is measured against.
//
// One io_uring_enter a turn submits everything and waits. The listener has one multishot accept, every connection one
// multishot receive that fills buffers from a shared ring. A received chunk is sent from the buffer it arrived in, and
// the buffer goes back to the ring when the send has completed: bytes are copied only by the kernel.
//
// Why closing is safe: the kernel owns a chunk's buffer until the send's own completion, and the descriptor until the
// last completion of either direction. So a connection is closed only once it has neither a receive nor a send in
// flight; cancelling merely hurries those completions. A descriptor's number can therefore be reused the moment it is
// closed without any completion being taken for that of its predecessor.
//
// Backpressure: a peer that does not read holds its chunks, so a connection that holds its share of the buffers stops
// receiving until half of them are back. When no buffer is left at all, receives end with ENOBUFS and wait for one.
//
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "echo-common.h"

#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum {
    SUBMISSION_ENTRIES = 256,
    COMPLETION_ENTRIES = 4096,
    BUFFER_GROUP = 0,
    GATHER = 8,
    CONNECTIONS_TO_EXHAUST = 8, // that many blocked peers may hold all buffers
    NO_CHUNK = UINT16_MAX,
    MAX_CHUNKS = NO_CHUNK,
    SEND_RING = 16, // with --send-bundle: chunks that one send takes

    // What liburing 2.3 lacks.
    RECVSEND_BUNDLE = 1 << 4, // IORING_RECVSEND_BUNDLE
    CQE_F_BUF_MORE = 1 << 4,  // IORING_CQE_F_BUF_MORE
    PBUF_RING_INC = 2,        // IOU_PBUF_RING_INC
    SETUP_NO_SQARRAY = 1 << 16,
};

enum operation { ACCEPT, RECEIVE, SEND, SIGNAL, IGNORED };

// Bytes of a provided buffer that are still to be echoed: all of them, so that its index is the buffer's; with
// --incremental a piece.
struct chunk {
    uint32_t offset;
    uint32_t length;
    uint16_t buffer;
    uint16_t next;
};

// With --incremental, how far a buffer has come. It goes back when the kernel has done with it and nothing is to be
// sent.
struct filling {
    uint32_t filled;
    uint16_t pieces;
    bool is_full;
};

struct connection {
    bool open;
    bool receiving;  // a multishot receive is in flight
    bool pausing;    // and has been asked to end, because the connection holds its share
    bool sending;    // a send is in flight
    bool starved;    // waits in the queue of those that found no buffer
    bool ended;      // the peer will send no more
    bool failed;     // nothing more can be echoed
    bool cancelling; // its operations have been asked to finish
    uint16_t first;  // the chunks to echo, in order
    uint16_t last;
    uint16_t held;   // how many
    unsigned next_starved;
    struct msghdr message;
    struct iovec vectors[GATHER];
    char *own; // --own-buffers: what it receives into and sends from
    unsigned own_sent, own_length;
    struct io_uring_buf_ring *send_ring; // --send-bundle: kept for the next connection in this place
    bool send_ring_is_dirty;             // a send that failed before it looked has left chunks in it
    int zero_copied; // the result of a zero-copy send that the kernel has not let go of
};

struct server {
    struct io_uring ring;
    struct options options;
    int listener;
    int stop_signal;
    bool accepting;
    bool stopping;

    struct connection *connections; // indexed by descriptor, or by slot of the registered file table
    unsigned connection_limit;
    unsigned open_connections;

    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    struct chunk *chunks;
    struct filling *fillings; // --incremental
    uint16_t first_free_chunk;
    unsigned prepared; // submissions since the last turn
    unsigned ready;    // completions of this turn that have not been looked at
    unsigned free_buffers;
    unsigned share; // how many buffers one connection may hold
    int returned_buffers; // not yet published to the kernel

    unsigned first_starved; // a queue, linked by next_starved
    unsigned last_starved;
    unsigned starved_connections;
};

static uint64_t tag(enum operation operation, unsigned id) { return (uint64_t)operation << 32 | id; }

static unsigned id_of(const struct server *server, const struct connection *connection)
{
    return (unsigned)(connection - server->connections);
}

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        die("mmap", errno);
    return memory;
}

// What io_uring_submit does before its system call; without an array, entries are submitted in their order. Returns how
// many the kernel has not taken.
static unsigned flush_submissions(struct io_uring *ring)
{
    unsigned mask = ring->sq.ring_mask, tail = *ring->sq.ktail, count = ring->sq.sqe_tail - ring->sq.sqe_head;
    for (unsigned i = 0; i < count; i++, tail++, ring->sq.sqe_head++)
        if (ring->sq.array)
            ring->sq.array[tail & mask] = ring->sq.sqe_head & mask;
    io_uring_smp_store_release(ring->sq.ktail, tail);
    return tail - *ring->sq.khead;
}

// With --min-wait: waits for some completions, but after that time for one. The field is `pad` in liburing 2.3.
static int enter(struct server *server, unsigned flags, unsigned wait, unsigned min_wait)
{
    struct io_uring_getevents_arg argument = {.sigmask_sz = _NSIG / 8, .pad = min_wait};
    unsigned prepared = flush_submissions(&server->ring);
    long result = syscall(__NR_io_uring_enter, server->ring.enter_ring_fd, prepared, wait,
                          flags | IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING, &argument, sizeof argument);
    return result < 0 && errno != ETIME ? -errno : 0;
}

// The one system call of a turn.
static int submit(struct server *server, unsigned wait)
{
    server->prepared = 0;
    if (server->options.uring.no_sqarray || (wait > 0 && server->options.uring.min_wait > 0))
        return enter(server, IORING_ENTER_GETEVENTS, wait, wait > 0 ? server->options.uring.min_wait : 0);
    return wait > 0 ? io_uring_submit_and_wait(&server->ring, wait) : io_uring_submit_and_get_events(&server->ring);
}

// Makes room in the middle of a turn. Completions are not asked for: those of this turn are still being looked at.
static void hand_over(struct server *server)
{
    if (server->options.uring.no_sqarray)
        enter(server, 0, 0, 0);
    else
        io_uring_submit(&server->ring);
}

static struct io_uring_sqe *next_sqe(struct server *server)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&server->ring)))
        hand_over(server);
    server->prepared++;
    return sqe;
}

// To be called after the prepare function, which resets the flags.
static void set_target(const struct server *server, struct io_uring_sqe *sqe, enum operation operation, unsigned id)
{
    sqe->flags |= server->options.uring.direct ? IOSQE_FIXED_FILE : 0;
    sqe->user_data = tag(operation, id);
}

// Buffers

static char *buffer_at(const struct server *server, uint16_t id)
{
    return server->buffers + (size_t)id * server->options.buffer_size;
}

static char *bytes_of(const struct server *server, const struct chunk *chunk)
{
    return buffer_at(server, chunk->buffer) + chunk->offset;
}

static void return_buffer(struct server *server, uint16_t id)
{
    io_uring_buf_ring_add(server->buffer_ring, buffer_at(server, id), server->options.buffer_size, id,
                          io_uring_buf_ring_mask(server->options.buffers), server->returned_buffers++);
    server->free_buffers++;
}

static void publish_returned_buffers(struct server *server)
{
    if (server->returned_buffers > 0)
        io_uring_buf_ring_advance(server->buffer_ring, server->returned_buffers);
    server->returned_buffers = 0;
}

static void enqueue_chunk(struct server *server, struct connection *connection, uint16_t id, struct chunk chunk)
{
    server->chunks[id] = chunk;
    if (connection->first == NO_CHUNK)
        connection->first = id;
    else
        server->chunks[connection->last].next = id;
    connection->last = id;
    connection->held++;
}

// --incremental: whether the kernel and every connection have done with a buffer.
static void return_if_done(struct server *server, uint16_t buffer)
{
    struct filling *filling = &server->fillings[buffer];
    if (!filling->is_full || filling->pieces > 0)
        return;
    *filling = (struct filling){0};
    return_buffer(server, buffer);
}

static void free_chunk(struct server *server, uint16_t id)
{
    struct chunk *chunk = &server->chunks[id];
    if (!server->options.uring.incremental)
        return return_buffer(server, id);
    chunk->next = server->first_free_chunk;
    server->first_free_chunk = id;
    server->fillings[chunk->buffer].pieces--;
    return_if_done(server, chunk->buffer);
}

// Forgets `count` bytes from the front of what is to be echoed.
static void consume(struct server *server, struct connection *connection, size_t count)
{
    while (connection->first != NO_CHUNK) {
        struct chunk *chunk = &server->chunks[connection->first];
        if (count < chunk->length) {
            chunk->offset += (uint32_t)count;
            chunk->length -= (uint32_t)count;
            return;
        }
        count -= chunk->length;
        uint16_t sent = connection->first;
        connection->first = chunk->next;
        connection->held--;
        free_chunk(server, sent);
    }
}

// Submissions

static void submit_accept(struct server *server)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    if (server->options.uring.direct)
        io_uring_prep_multishot_accept_direct(sqe, server->listener, NULL, NULL, 0);
    else
        io_uring_prep_multishot_accept(sqe, server->listener, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = tag(ACCEPT, 0);
    server->accepting = true;
}

static void submit_stop_signal(struct server *server)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    io_uring_prep_poll_add(sqe, server->stop_signal, POLLIN);
    sqe->user_data = tag(SIGNAL, 0);
}

static void prepare_receive(struct server *server, struct connection *connection, struct io_uring_sqe *sqe)
{
    const struct uring_options *options = &server->options.uring;
    int id = (int)id_of(server, connection);
    if (options->own_buffers)
        io_uring_prep_recv(sqe, id, connection->own, server->options.buffer_size, 0);
    else if (options->single_shot)
        io_uring_prep_recv(sqe, id, NULL, server->options.buffer_size, 0);
    else
        io_uring_prep_recv_multishot(sqe, id, NULL, 0, 0);
    if (options->poll_first)
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    if (options->bundle)
        sqe->ioprio |= RECVSEND_BUNDLE;
    if (options->own_buffers)
        return;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
}

static void submit_receive(struct server *server, struct connection *connection)
{
    unsigned id = id_of(server, connection);
    struct io_uring_sqe *sqe = next_sqe(server);
    prepare_receive(server, connection, sqe);
    set_target(server, sqe, RECEIVE, id);
    connection->receiving = true;
}

// Gathers the queued chunks; returns how many.
static unsigned gather(struct server *server, struct connection *connection)
{
    unsigned count = 0;
    for (uint16_t id = connection->first; id != NO_CHUNK && count < GATHER; id = server->chunks[id].next) {
        struct chunk *chunk = &server->chunks[id];
        connection->vectors[count++] =
            (struct iovec){.iov_base = bytes_of(server, chunk), .iov_len = chunk->length};
    }
    connection->message = (struct msghdr){.msg_iov = connection->vectors, .msg_iovlen = count};
    return count;
}

static void register_ring(struct server *server, struct io_uring_buf_ring *ring, unsigned entries, unsigned group,
                          unsigned flags)
{
    // The field for flags is `pad` in liburing 2.3.
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)ring, .ring_entries = entries, .bgid = (uint16_t)group, .pad = (uint16_t)flags};
    int result = io_uring_register_buf_ring(&server->ring, &registration, 0);
    if (result < 0)
        die("register a buffer ring", -result);
}

// --send-bundle: the ring of what a connection sends, empty.
static void prepare_send_ring(struct server *server, struct connection *connection)
{
    unsigned group = 1 + id_of(server, connection);
    if (connection->send_ring && !connection->send_ring_is_dirty)
        return;
    if (group > UINT16_MAX)
        die("--send-bundle: a connection beyond the last buffer group", ERANGE);
    if (connection->send_ring)
        io_uring_unregister_buf_ring(&server->ring, (int)group);
    else
        connection->send_ring = map(SEND_RING * sizeof(struct io_uring_buf));
    io_uring_buf_ring_init(connection->send_ring);
    register_ring(server, connection->send_ring, SEND_RING, group, 0);
    connection->send_ring_is_dirty = false;
}

// One send takes everything in the connection's ring: what has come since the last one.
static void prepare_send_bundle(struct server *server, struct connection *connection, struct io_uring_sqe *sqe)
{
    int count = 0;
    prepare_send_ring(server, connection);
    for (uint16_t id = connection->first; id != NO_CHUNK && count < SEND_RING; id = server->chunks[id].next) {
        struct chunk *chunk = &server->chunks[id];
        io_uring_buf_ring_add(connection->send_ring, bytes_of(server, chunk), chunk->length, id,
                              io_uring_buf_ring_mask(SEND_RING), count++);
    }
    io_uring_buf_ring_advance(connection->send_ring, count);
    io_uring_prep_send(sqe, (int)id_of(server, connection), NULL, 0, MSG_WAITALL);
    sqe->ioprio |= RECVSEND_BUNDLE;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = (uint16_t)(1 + id_of(server, connection));
}

// --lone-send: an operation that completes at once would wake a loop that has nothing else to do a second time.
static void send_alone(struct server *server, struct connection *connection)
{
    struct chunk *chunk = &server->chunks[connection->first];
    if (server->prepared > 0 || server->ready > 0)
        return;
    ssize_t sent = send((int)id_of(server, connection), bytes_of(server, chunk), chunk->length,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        consume(server, connection, (size_t)sent);
}

// MSG_WAITALL lets the kernel finish a send that the peer's window cuts short.
static void submit_send(struct server *server, struct connection *connection)
{
    unsigned id = id_of(server, connection);
    struct chunk *chunk = &server->chunks[connection->first];
    struct io_uring_sqe *sqe = next_sqe(server);
    const char *bytes = bytes_of(server, chunk);
    if (server->options.uring.send_bundle)
        prepare_send_bundle(server, connection, sqe);
    else if (chunk->next == NO_CHUNK && server->options.uring.zero_copy)
        io_uring_prep_send_zc(sqe, (int)id, bytes, chunk->length, MSG_WAITALL, 0);
    else if (chunk->next == NO_CHUNK)
        io_uring_prep_send(sqe, (int)id, bytes, chunk->length, MSG_WAITALL);
    else if (gather(server, connection) > 0)
        io_uring_prep_sendmsg(sqe, (int)id, &connection->message, MSG_WAITALL);
    set_target(server, sqe, SEND, id);
    connection->sending = true;
}

static void submit_pause(struct server *server, struct connection *connection)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    io_uring_prep_cancel64(sqe, tag(RECEIVE, id_of(server, connection)), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = tag(IGNORED, 0);
    connection->pausing = true;
}

static void submit_cancel(struct server *server, struct connection *connection)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    unsigned fixed = server->options.uring.direct ? IORING_ASYNC_CANCEL_FD_FIXED : 0;
    io_uring_prep_cancel_fd(sqe, (int)id_of(server, connection), IORING_ASYNC_CANCEL_ALL | fixed);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = tag(IGNORED, 0);
    connection->cancelling = true;
}

static void submit_close(struct server *server, struct connection *connection)
{
    unsigned id = id_of(server, connection);
    struct io_uring_sqe *sqe = next_sqe(server);
    if (server->options.uring.direct)
        io_uring_prep_close_direct(sqe, id);
    else
        io_uring_prep_close(sqe, (int)id);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = tag(IGNORED, 0);
}

// Connections

static void close_connection(struct server *server, struct connection *connection)
{
    submit_close(server, connection);
    connection->open = false;
    server->open_connections--;
    // An accept that ran out of descriptors ended; there is one again.
    if (!server->accepting && !server->stopping)
        submit_accept(server);
}

// Receives while the connection holds less than its share. A multishot receive that ended for a reason of the kernel's
// is simply made again.
static void adjust_receiving(struct server *server, struct connection *connection)
{
    if (connection->receiving) {
        if (connection->held >= server->share && !connection->pausing)
            submit_pause(server, connection);
    } else if (!connection->ended && !connection->starved && connection->held <= server->share / 2) {
        submit_receive(server, connection);
    }
}

// Cancels what is in flight, and closes once nothing is. The buffers are returned before that: a connection that waits
// for one must not keep others from those.
static void finish(struct server *server, struct connection *connection)
{
    if (!connection->sending)
        consume(server, connection, SIZE_MAX);
    if (connection->receiving || connection->sending) {
        if (!connection->cancelling)
            submit_cancel(server, connection);
    } else if (!connection->starved) {
        close_connection(server, connection);
    }
}

// --own-buffers: one receive, then its send, then the next receive.
static void advance_own(struct server *server, struct connection *connection)
{
    unsigned id = id_of(server, connection);
    if (connection->failed || connection->ended)
        return finish(server, connection);
    if (connection->own_sent == connection->own_length) {
        if (!connection->receiving)
            submit_receive(server, connection);
        return;
    }
    struct io_uring_sqe *sqe = next_sqe(server);
    io_uring_prep_send(sqe, (int)id, connection->own + connection->own_sent,
                       connection->own_length - connection->own_sent, MSG_WAITALL);
    set_target(server, sqe, SEND, id);
    connection->sending = true;
}

// Starts whatever the connection's state asks for next.
static void advance(struct server *server, struct connection *connection)
{
    bool pending = connection->first != NO_CHUNK;
    if (server->options.uring.own_buffers)
        return advance_own(server, connection);
    if (connection->failed || (connection->ended && !pending))
        return finish(server, connection);
    if (pending && !connection->sending && server->options.uring.lone_send)
        send_alone(server, connection);
    if (connection->first != NO_CHUNK && !connection->sending)
        submit_send(server, connection);
    adjust_receiving(server, connection);
}

static void open_connection(struct server *server, unsigned id)
{
    struct connection *connection = &server->connections[id];
    *connection = (struct connection){.open = true,
                                      .first = NO_CHUNK,
                                      .own = connection->own,
                                      .send_ring = connection->send_ring,
                                      .send_ring_is_dirty = connection->send_ring_is_dirty};
    if (server->options.uring.own_buffers && !connection->own)
        connection->own = map(server->options.buffer_size); // kept for the next connection in this place
    server->open_connections++;
    advance(server, connection);
}

// Remembers a connection that found no buffer. It stays open until its turn comes, so the queue has no stale entries.
static void starve(struct server *server, struct connection *connection)
{
    unsigned id = id_of(server, connection);
    if (server->starved_connections++ == 0)
        server->first_starved = id;
    else
        server->connections[server->last_starved].next_starved = id;
    server->last_starved = id;
    connection->starved = true;
}

static bool can_feed(const struct server *server)
{
    return server->starved_connections > 0 && server->free_buffers > 0;
}

// Lets as many starved connections receive as there are free buffers, first come first served. Waiting for more buffers
// than that would save attempts, but could wait for ever on a peer that never reads.
static void feed_starved(struct server *server)
{
    for (unsigned fed = 0; server->starved_connections > 0 && fed < server->free_buffers;) {
        struct connection *connection = &server->connections[server->first_starved];
        server->first_starved = connection->next_starved;
        server->starved_connections--;
        connection->starved = false;
        advance(server, connection);
        fed += connection->receiving;
    }
}

// Completions

// With --direct the kernel accepts first and looks for a free slot afterwards: the connection that met a full table has
// been reset by the time of this completion. The others wait in the accept queue.
static bool is_out_of_descriptors(int result) { return result == -EMFILE || result == -ENFILE; }

static void on_accept(struct server *server, const struct io_uring_cqe *cqe)
{
    server->accepting = cqe->flags & IORING_CQE_F_MORE;
    if (cqe->res >= 0)
        open_connection(server, (unsigned)cqe->res);
    else if (cqe->res != -ECANCELED && cqe->res != -ECONNABORTED && !is_out_of_descriptors(cqe->res))
        die("accept", -cqe->res);
    if (is_out_of_descriptors(cqe->res) && server->open_connections > 0)
        return; // closing a connection resumes accepting
    if (!server->accepting && !server->stopping)
        submit_accept(server);
}

// A bundle fills buffers in the order of the ring, which is that of their numbers: each comes back in its place.
static void return_bundle(struct server *server, uint16_t first, unsigned bytes)
{
    unsigned size = server->options.buffer_size, count = (bytes + size - 1) / size;
    server->free_buffers -= count;
    for (unsigned i = 0; i < count; i++)
        return_buffer(server, (uint16_t)((first + i) % server->options.buffers));
}

// --incremental: the next piece of the buffer, which stays with the kernel until it is full.
static void take_piece(struct server *server, struct connection *connection, const struct io_uring_cqe *cqe)
{
    uint16_t buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    struct filling *filling = &server->fillings[buffer];
    uint32_t length = cqe->res > 0 ? (uint32_t)cqe->res : 0;
    if (!(cqe->flags & CQE_F_BUF_MORE)) {
        filling->is_full = true;
        server->free_buffers--;
    }
    if (length > 0 && !server->options.sink) {
        uint16_t id = server->first_free_chunk;
        if (id == NO_CHUNK)
            die("--incremental: too many pieces", ENOBUFS);
        server->first_free_chunk = server->chunks[id].next;
        filling->pieces++;
        enqueue_chunk(server, connection, id,
                      (struct chunk){.offset = filling->filled, .length = length, .buffer = buffer, .next = NO_CHUNK});
    }
    filling->filled += length;
    return_if_done(server, buffer);
}

static void take_received(struct server *server, struct connection *connection, const struct io_uring_cqe *cqe)
{
    uint16_t id = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    if (server->options.uring.bundle)
        return return_bundle(server, id, (unsigned)cqe->res);
    if (server->options.uring.incremental)
        return take_piece(server, connection, cqe);
    server->free_buffers--;
    if (cqe->res > 0 && !server->options.sink)
        enqueue_chunk(server, connection, id,
                      (struct chunk){.length = (uint32_t)cqe->res, .buffer = id, .next = NO_CHUNK});
    else
        return_buffer(server, id);
}

static void take_own(struct server *server, struct connection *connection, unsigned length)
{
    connection->own_length = length;
    connection->own_sent = server->options.sink ? length : 0;
}

static void on_receive(struct server *server, struct connection *connection, const struct io_uring_cqe *cqe)
{
    connection->receiving = cqe->flags & IORING_CQE_F_MORE;
    connection->pausing &= connection->receiving;
    if (cqe->flags & IORING_CQE_F_BUFFER)
        take_received(server, connection, cqe);
    else if (server->options.uring.own_buffers && cqe->res > 0)
        take_own(server, connection, (unsigned)cqe->res);
    if (cqe->res == 0)
        connection->ended = true;
    else if (cqe->res == -ENOBUFS)
        starve(server, connection);
    else if (cqe->res < 0 && cqe->res != -ECANCELED)
        connection->failed = true;
    advance(server, connection);
}

// A zero-copy send completes twice: with its result, and when the kernel has let go of the bytes.
static bool is_for_notification(struct connection *connection, const struct io_uring_cqe *cqe)
{
    if (cqe->flags & IORING_CQE_F_MORE)
        connection->zero_copied = cqe->res;
    return cqe->flags & IORING_CQE_F_MORE;
}

// A worker of the kernel's does not finish a bundle as it does a send: if one is handed to it, as the peer is slow, the
// bundle ends with what was sent, or with an ECANCELED that nobody asked for. What is left is sent anew. Whatever came
// of the chunks, they were taken from the ring all at once if the completion names a buffer.
static int result_of_bundle(struct connection *connection, const struct io_uring_cqe *cqe)
{
    connection->send_ring_is_dirty = !(cqe->flags & IORING_CQE_F_BUFFER);
    return cqe->res == -ECANCELED && !connection->cancelling ? 0 : cqe->res;
}

static void on_send(struct server *server, struct connection *connection, const struct io_uring_cqe *cqe)
{
    if (is_for_notification(connection, cqe))
        return;
    int result = cqe->flags & IORING_CQE_F_NOTIF ? connection->zero_copied : cqe->res;
    if (server->options.uring.send_bundle)
        result = result_of_bundle(connection, cqe);
    connection->sending = false;
    if (result < 0)
        connection->failed = true;
    else if (server->options.uring.own_buffers)
        connection->own_sent += (unsigned)result;
    else
        consume(server, connection, (size_t)result);
    advance(server, connection);
}

static void on_stop_signal(struct server *server)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    io_uring_prep_cancel64(sqe, tag(ACCEPT, 0), 0);
    sqe->user_data = tag(IGNORED, 0);
    server->stopping = true;
    for (unsigned id = 0; id < server->connection_limit; id++) {
        struct connection *connection = &server->connections[id];
        if (!connection->open)
            continue;
        connection->failed = true;
        advance(server, connection);
    }
}

static void dispatch(struct server *server, const struct io_uring_cqe *cqe)
{
    struct connection *connection = &server->connections[(uint32_t)cqe->user_data];
    switch ((enum operation)(cqe->user_data >> 32)) {
    case ACCEPT: on_accept(server, cqe); break;
    case RECEIVE: on_receive(server, connection, cqe); break;
    case SEND: on_send(server, connection, cqe); break;
    case SIGNAL: on_stop_signal(server); break;
    case IGNORED: break;
    }
}

static void reap(struct server *server)
{
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;
    server->ready = io_uring_cq_ready(&server->ring);
    io_uring_for_each_cqe(&server->ring, head, cqe) {
        server->ready--;
        dispatch(server, cqe);
        count++;
    }
    io_uring_cq_advance(&server->ring, count);
}

static void run(struct server *server)
{
    submit_accept(server);
    submit_stop_signal(server);
    while (!server->stopping || server->accepting || server->open_connections > 0) {
        // A connection that was fed may have had nothing to receive, so that another can still have its buffer: no
        // completion would tell, so don't wait for one.
        bool sleeps = !can_feed(server) && !server->options.uring.spin;
        int result = submit(server, sleeps ? server->options.uring.wait : 0);
        if (result < 0 && result != -EINTR)
            die("io_uring_enter", -result);
        reap(server);
        feed_starved(server);
        publish_returned_buffers(server);
    }
    submit(server, 0); // the last closes
}

// Set-up

static void check_uring(const char *what, int result)
{
    if (result < 0)
        die(what, -result);
}

static void *map_queue(int ring, size_t size, off_t offset)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
    if (memory == MAP_FAILED)
        die("mmap a queue", errno);
    return memory;
}

// --no-sqarray: liburing 2.3 would look for the array. One mapping holds both queues. io_uring_setup(2)
static void set_up_without_array(struct io_uring *ring, struct io_uring_params *params)
{
    params->flags |= SETUP_NO_SQARRAY;
    ring->ring_fd = check("io_uring_setup", (int)syscall(__NR_io_uring_setup, SUBMISSION_ENTRIES, params));
    ring->flags = params->flags;
    ring->features = params->features;
    size_t size = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
    char *queues = map_queue(ring->ring_fd, size, IORING_OFF_SQ_RING);
    ring->sq = (struct io_uring_sq){
        .khead = (unsigned *)(queues + params->sq_off.head),
        .ktail = (unsigned *)(queues + params->sq_off.tail),
        .kring_mask = (unsigned *)(queues + params->sq_off.ring_mask),
        .kring_entries = (unsigned *)(queues + params->sq_off.ring_entries),
        .kflags = (unsigned *)(queues + params->sq_off.flags),
        .kdropped = (unsigned *)(queues + params->sq_off.dropped),
        .sqes = map_queue(ring->ring_fd, params->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES),
        .ring_sz = size,
        .ring_ptr = queues,
        .ring_mask = params->sq_entries - 1,
        .ring_entries = params->sq_entries,
    };
    ring->cq = (struct io_uring_cq){
        .khead = (unsigned *)(queues + params->cq_off.head),
        .ktail = (unsigned *)(queues + params->cq_off.tail),
        .kring_mask = (unsigned *)(queues + params->cq_off.ring_mask),
        .kring_entries = (unsigned *)(queues + params->cq_off.ring_entries),
        .kflags = (unsigned *)(queues + params->cq_off.flags),
        .koverflow = (unsigned *)(queues + params->cq_off.overflow),
        .cqes = (struct io_uring_cqe *)(queues + params->cq_off.cqes),
        .ring_sz = size,
        .ring_ptr = queues,
        .ring_mask = params->cq_entries - 1,
        .ring_entries = params->cq_entries,
    };
}

static void set_up_ring(struct server *server)
{
    static const unsigned modes[] = {
        [DEFER] = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        [COOP] = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
        [PLAIN] = 0,
    };
    struct io_uring_params params = {
        .flags = modes[server->options.uring.ring] | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETION_ENTRIES,
    };
    if (server->options.uring.no_sqarray)
        set_up_without_array(&server->ring, &params);
    else
        check_uring("io_uring_setup", io_uring_queue_init_params(SUBMISSION_ENTRIES, &server->ring, &params));
    check_uring("register the ring's descriptor", io_uring_register_ring_fd(&server->ring));
    if (server->options.uring.direct)
        check_uring("register a file table",
                    io_uring_register_files_sparse(&server->ring, server->connection_limit));
}

static void set_up_pieces(struct server *server)
{
    server->fillings = map(server->options.buffers * sizeof *server->fillings);
    server->chunks = map(MAX_CHUNKS * sizeof *server->chunks);
    for (unsigned id = 0; id < MAX_CHUNKS; id++)
        server->chunks[id].next = (uint16_t)(id + 1); // the last one's is NO_CHUNK
}

static void set_up_buffers(struct server *server)
{
    unsigned count = server->options.buffers;
    server->share = count > CONNECTIONS_TO_EXHAUST ? count / CONNECTIONS_TO_EXHAUST : 1;
    server->buffer_ring = map(count * sizeof(struct io_uring_buf));
    server->buffers = map((size_t)count * server->options.buffer_size);
    if (server->options.uring.incremental)
        set_up_pieces(server);
    else
        server->chunks = map(count * sizeof *server->chunks);
    register_ring(server, server->buffer_ring, count, BUFFER_GROUP,
                  server->options.uring.incremental ? PBUF_RING_INC : 0);
    for (unsigned id = 0; id < count; id++)
        return_buffer(server, (uint16_t)id);
    publish_returned_buffers(server);
}

int main(int argc, char **argv)
{
    static struct server server;
    server.options = parse_options(argc, argv);
    if (server.options.buffers & (server.options.buffers - 1))
        die("--buffers must be a power of two", EINVAL);
    server.stop_signal = open_stop_signal();
    server.listener = listen_on(server.options.port, 0);
    server.connection_limit = descriptor_limit();
    server.connections = map(server.connection_limit * sizeof *server.connections);
    set_up_ring(&server);
    set_up_buffers(&server);
    announce(server.listener);
    run(&server);
    io_uring_queue_exit(&server.ring);
    close(server.listener);
    return 0;
}
