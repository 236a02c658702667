// What the load generators share: failing, clocks, the processor time of the server, connecting, reading options.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

__attribute__((noreturn)) static inline void die(const char *what, int error)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(error));
    exit(1);
}

static inline int check(const char *what, int result)
{
    if (result < 0)
        die(what, errno);
    return result;
}

static inline void check_uring(const char *what, int result)
{
    if (result < 0)
        die(what, -result);
}

static inline void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        die("calloc", ENOMEM);
    return memory;
}

static inline uint64_t read_clock(clockid_t clock)
{
    struct timespec time;
    check("clock_gettime", clock_gettime(clock, &time));
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline uint64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

// What a process has used. `total` has the scheduler's own nanosecond resolution; user and system come in clock ticks
// and serve only to split it.
struct cpu_time {
    uint64_t total;
    uint64_t user_ticks;
    uint64_t system_ticks;
};

static inline void read_ticks(pid_t pid, struct cpu_time *time)
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

static inline struct cpu_time cpu_time_of(pid_t pid)
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

// The host's default may pace (bbr does, by timers), which would measure the pacing.
static inline const char *avoid_pacing(int descriptor)
{
    static const char *const names[] = {"reno", "cubic"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, names[i], (socklen_t)strlen(names[i])) == 0)
            return names[i];
    return "host default";
}
