// A single-threaded TCP echo server on edge-triggered epoll, written as well as epoll allows: the yardstick that any
// claim about io_uring has to beat.
//
// Writes are tried before readiness is asked for, and so is every read after the first. A read that does not fill its
// buffer has drained the socket, which saves the read that would only say EAGAIN; after EPOLLRDHUP one more is needed
// to see the end. A connection is watched for EPOLLOUT only while a send is blocked, and is not read from meanwhile:
// backpressure.
//
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "echo-common.h"

#include <sys/epoll.h>

enum {
    EVENTS_PER_TURN = 256,
    ACCEPTS_PER_TURN = 64,
    READS_PER_TURN = 16,
    NO_CONNECTION = -1,
};

struct connection {
    bool peer_closed; // EPOLLRDHUP has been seen
    bool queued;      // waits in the queue of those that used up their turn
    int next_queued;
    char *unsent; // what a blocked send left over, owned; NULL if nothing is blocked
    size_t unsent_offset;
    size_t unsent_length;
};

struct server {
    struct options options;
    int epoll;
    int listener;
    int stop_signal;
    bool accepting;
    bool stopping;
    char *buffer; // shared: a connection needs memory of its own only while a send is blocked
    struct connection *connections; // indexed by descriptor
    unsigned open_connections;
    int first_queued;
    int last_queued;
};

enum progress { DRAINED, BLOCKED, BUSY, FINISHED };

static void watch(struct server *server, int operation, int descriptor, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    check("epoll_ctl", epoll_ctl(server->epoll, operation, descriptor, &event));
}

static void watch_connection(struct server *server, int operation, int descriptor, uint32_t more_events)
{
    watch(server, operation, descriptor, EPOLLIN | EPOLLRDHUP | EPOLLET | more_events);
}

static void pause_accepting(struct server *server)
{
    watch(server, EPOLL_CTL_MOD, server->listener, 0);
    server->accepting = false;
}

static void resume_accepting(struct server *server)
{
    watch(server, EPOLL_CTL_MOD, server->listener, EPOLLIN);
    server->accepting = true;
}

// Echoing

// Keeps what a blocked send left over and asks for EPOLLOUT.
static enum progress block(struct server *server, int descriptor, const char *bytes, size_t length)
{
    struct connection *connection = &server->connections[descriptor];
    connection->unsent = malloc(length);
    if (!connection->unsent)
        return FINISHED;
    memcpy(connection->unsent, bytes, length);
    connection->unsent_offset = 0;
    connection->unsent_length = length;
    watch_connection(server, EPOLL_CTL_MOD, descriptor, EPOLLOUT);
    return BLOCKED;
}

static bool is_blocked(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

static enum progress echo_once(struct server *server, int descriptor)
{
    ssize_t received = recv(descriptor, server->buffer, server->options.buffer_size, 0);
    if (received <= 0)
        return received < 0 && is_blocked(errno) ? DRAINED : FINISHED;
    ssize_t sent = server->options.sink ? received
                                        : send(descriptor, server->buffer, (size_t)received, MSG_NOSIGNAL);
    if (sent < 0 && !is_blocked(errno))
        return FINISHED;
    if (sent < received) {
        size_t done = sent > 0 ? (size_t)sent : 0;
        return block(server, descriptor, server->buffer + done, (size_t)received - done);
    }
    bool filled = (size_t)received == server->options.buffer_size;
    return filled || server->connections[descriptor].peer_closed ? BUSY : DRAINED;
}

static enum progress echo(struct server *server, int descriptor)
{
    enum progress progress = BUSY;
    for (int reads = 0; reads < READS_PER_TURN && progress == BUSY; reads++)
        progress = echo_once(server, descriptor);
    return progress;
}

static enum progress send_unsent(struct server *server, int descriptor)
{
    struct connection *connection = &server->connections[descriptor];
    ssize_t sent = send(descriptor, connection->unsent + connection->unsent_offset,
                        connection->unsent_length - connection->unsent_offset, MSG_NOSIGNAL);
    if (sent < 0)
        return is_blocked(errno) ? BLOCKED : FINISHED;
    connection->unsent_offset += (size_t)sent;
    if (connection->unsent_offset < connection->unsent_length)
        return BLOCKED;
    free(connection->unsent);
    connection->unsent = NULL;
    watch_connection(server, EPOLL_CTL_MOD, descriptor, 0);
    return BUSY; // reading was paused, so its edge is gone
}

// Connections

static void close_connection(struct server *server, int descriptor)
{
    free(server->connections[descriptor].unsent);
    server->connections[descriptor].unsent = NULL;
    close(descriptor);
    server->open_connections--;
    if (!server->accepting)
        resume_accepting(server);
}

// An edge is reported once, so a connection that has more to read than its turn allows has to be remembered.
static void enqueue(struct server *server, int descriptor)
{
    struct connection *connection = &server->connections[descriptor];
    if (connection->queued)
        return;
    connection->queued = true;
    connection->next_queued = NO_CONNECTION;
    if (server->first_queued == NO_CONNECTION)
        server->first_queued = descriptor;
    else
        server->connections[server->last_queued].next_queued = descriptor;
    server->last_queued = descriptor;
}

static void serve(struct server *server, int descriptor)
{
    struct connection *connection = &server->connections[descriptor];
    if (connection->queued)
        return; // its turn comes
    enum progress progress = connection->unsent ? send_unsent(server, descriptor) : BUSY;
    if (progress == BUSY)
        progress = echo(server, descriptor);
    if (progress == FINISHED)
        close_connection(server, descriptor);
    else if (progress == BUSY)
        enqueue(server, descriptor);
}

// Serves each that is queued now; what they queue again is for the next turn.
static void serve_queued(struct server *server)
{
    int descriptor = server->first_queued;
    server->first_queued = NO_CONNECTION;
    while (descriptor != NO_CONNECTION) {
        int next = server->connections[descriptor].next_queued;
        server->connections[descriptor].queued = false;
        serve(server, descriptor);
        descriptor = next;
    }
}

// Data that arrived before this is reported too: adding a descriptor counts as an edge.
static void open_connection(struct server *server, int descriptor)
{
    server->connections[descriptor] = (struct connection){0};
    server->open_connections++;
    watch_connection(server, EPOLL_CTL_ADD, descriptor, 0);
}

static void accept_connections(struct server *server)
{
    for (int accepts = 0; accepts < ACCEPTS_PER_TURN; accepts++) {
        int descriptor = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0)
            open_connection(server, descriptor);
        else if (is_blocked(errno))
            return;
        else if ((errno == EMFILE || errno == ENFILE) && server->open_connections > 0)
            return pause_accepting(server);
        else if (errno != ECONNABORTED && errno != EINTR)
            die("accept", errno);
    }
}

static void dispatch(struct server *server, const struct epoll_event *event)
{
    int descriptor = event->data.fd;
    if (descriptor == server->listener)
        return accept_connections(server);
    if (descriptor == server->stop_signal) {
        server->stopping = true;
        return;
    }
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        server->connections[descriptor].peer_closed = true;
    serve(server, descriptor);
}

static void run(struct server *server)
{
    static struct epoll_event events[EVENTS_PER_TURN];
    while (!server->stopping) {
        int timeout = server->first_queued == NO_CONNECTION ? -1 : 0;
        int count = epoll_wait(server->epoll, events, EVENTS_PER_TURN, timeout);
        if (count < 0 && errno != EINTR)
            die("epoll_wait", errno);
        for (int i = 0; i < count; i++)
            dispatch(server, &events[i]);
        serve_queued(server); // after the events, for it may close descriptors that they name
    }
}

int main(int argc, char **argv)
{
    static struct server server = {.first_queued = NO_CONNECTION, .accepting = true};
    server.options = parse_options(argc, argv);
    if (server.options.is_uring)
        die("an option is for io_uring only", EINVAL);
    server.stop_signal = open_stop_signal();
    server.listener = listen_on(server.options.port, SOCK_NONBLOCK);
    server.epoll = check("epoll_create", epoll_create1(EPOLL_CLOEXEC));
    server.buffer = malloc(server.options.buffer_size);
    server.connections = calloc(descriptor_limit(), sizeof *server.connections);
    if (!server.buffer || !server.connections)
        die("malloc", ENOMEM);
    watch(&server, EPOLL_CTL_ADD, server.listener, EPOLLIN);
    watch(&server, EPOLL_CTL_ADD, server.stop_signal, EPOLLIN);
    announce(server.listener);
    run(&server);
    return 0; // the kernel closes what is left
}
