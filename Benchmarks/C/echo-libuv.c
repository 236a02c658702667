// A single-threaded TCP echo server on libuv.
//
// A chunk is written from the buffer that it was read into. Buffers come from a list of free ones and go back when their
// write has ended. Writing is tried first (uv_try_write), which spares the request; what is left over is queued, and
// reading pauses until it has gone: backpressure.
//
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "echo-common.h"

#include <uv.h>

// With its bytes behind it.
struct block {
    struct block *next_free;
    uv_write_t write;
    char bytes[];
};

static struct options options;
static struct block *free_blocks;

static struct block *block_of(const char *bytes) { return (struct block *)(bytes - offsetof(struct block, bytes)); }

static void check_uv(const char *what, int result)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, uv_strerror(result));
        exit(1);
    }
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle, (void)suggested;
    struct block *block = free_blocks;
    if (block)
        free_blocks = block->next_free;
    else
        block = malloc(sizeof *block + options.buffer_size);
    *buffer = block ? uv_buf_init(block->bytes, options.buffer_size) : uv_buf_init(NULL, 0);
}

static void give_back(struct block *block)
{
    block->next_free = free_blocks;
    free_blocks = block;
}

static void on_closed(uv_handle_t *handle) { free(handle); }

static void close_connection(uv_stream_t *stream)
{
    if (!uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void on_written(uv_write_t *write, int status)
{
    uv_stream_t *stream = write->handle;
    give_back(write->data);
    if (status < 0)
        close_connection(stream);
    else if (!uv_is_closing((uv_handle_t *)stream))
        uv_read_start(stream, on_allocate, on_read);
}

static void write_rest(uv_stream_t *stream, struct block *block, size_t done, size_t count)
{
    uv_buf_t rest = uv_buf_init(block->bytes + done, (unsigned)(count - done));
    block->write.data = block;
    uv_read_stop(stream);
    if (uv_write(&block->write, stream, &rest, 1, on_written) < 0) {
        give_back(block);
        close_connection(stream);
    }
}

static void echo(uv_stream_t *stream, struct block *block, size_t count)
{
    uv_buf_t bytes = uv_buf_init(block->bytes, (unsigned)count);
    int written = options.sink ? (int)count : uv_try_write(stream, &bytes, 1);
    if (written == (int)count)
        return give_back(block);
    write_rest(stream, block, written > 0 ? (size_t)written : 0, count);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    if (count > 0)
        return echo(stream, block_of(buffer->base), (size_t)count);
    if (buffer->base)
        give_back(block_of(buffer->base));
    if (count < 0)
        close_connection(stream);
}

static void on_connection(uv_stream_t *listener, int status)
{
    uv_tcp_t *client = status < 0 ? NULL : malloc(sizeof *client);
    if (!client)
        return;
    uv_tcp_init(listener->loop, client); // the socket inherits TCP_NODELAY
    if (uv_accept(listener, (uv_stream_t *)client) < 0 ||
        uv_read_start((uv_stream_t *)client, on_allocate, on_read) < 0)
        close_connection((uv_stream_t *)client);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

int main(int argc, char **argv)
{
    options = parse_options(argc, argv);
    if (options.is_uring)
        die("an option is for io_uring only", EINVAL);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    uv_signal_t stop;
    int descriptor = listen_on(options.port, SOCK_NONBLOCK);
    check_uv("uv_tcp_init", uv_tcp_init(loop, &listener));
    check_uv("uv_tcp_open", uv_tcp_open(&listener, descriptor));
    check_uv("uv_listen", uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection));
    check_uv("uv_signal_init", uv_signal_init(loop, &stop));
    check_uv("uv_signal_start", uv_signal_start(&stop, on_signal, SIGTERM));
    announce(descriptor);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0; // the kernel closes what is left
}
