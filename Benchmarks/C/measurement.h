// What a load generator measures between two moments, and how it says so.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "histogram.h"
#include "load-common.h"

struct sample {
    uint64_t time;
    uint64_t own_cpu;
    uint64_t idle;
    uint64_t turns;
    uint64_t allocations;
    struct cpu_time server;
};

struct measurement {
    pid_t server;                // 0: none
    const uint64_t *allocations; // the server's, where count-allocations.so counts them; NULL: not counted
    uint64_t idle;               // spent polling in vain
    uint64_t turns;              // that found something
    uint64_t requests;
    uint64_t errors;
    struct histogram histogram;
    struct sample begin, end;
};

struct report {
    double seconds;
    double requests_per_second;
    double p50, p99, p999; // µs
    double own_cpu;        // share of its core that was used, polling included
    double busy;           // share of its core that was needed
    double requests_per_turn;
    double server_user, server_system, server_total; // µs a request
    double server_cpu;                               // share of a core
    double allocations;                              // a request
};

// The file that count-allocations.so counts in, for the life of the process.
static inline const uint64_t *map_counter(const char *path)
{
    int descriptor = check(path, open(path, O_RDONLY | O_CLOEXEC));
    void *memory = mmap(NULL, sizeof(uint64_t), PROT_READ, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED)
        die(path, errno);
    close(descriptor);
    return memory;
}

static inline struct sample take_sample(const struct measurement *measurement)
{
    struct sample sample = {.time = now(),
                            .own_cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID),
                            .idle = measurement->idle,
                            .turns = measurement->turns};
    if (measurement->server)
        sample.server = cpu_time_of(measurement->server);
    if (measurement->allocations)
        sample.allocations = __atomic_load_n(measurement->allocations, __ATOMIC_RELAXED);
    return sample;
}

static inline void add_server(struct report *report, const struct measurement *measurement)
{
    const struct cpu_time *begin = &measurement->begin.server, *end = &measurement->end.server;
    double user = (double)(end->user_ticks - begin->user_ticks);
    double ticks = user + (double)(end->system_ticks - begin->system_ticks);
    double total = (double)(end->total - begin->total) / 1e3;
    report->server_cpu = total / 1e6 / report->seconds;
    report->server_total = total / (double)measurement->requests;
    report->server_user = ticks > 0 ? report->server_total * user / ticks : 0;
    report->server_system = report->server_total - report->server_user;
}

static inline struct report make_report(const struct measurement *measurement)
{
    const struct sample *begin = &measurement->begin, *end = &measurement->end;
    double elapsed = (double)(end->time - begin->time);
    double requests = (double)measurement->requests;
    double turns = (double)(end->turns - begin->turns);
    struct report report = {
        .seconds = elapsed / 1e9,
        .requests_per_second = requests / elapsed * 1e9,
        .p50 = quantile(&measurement->histogram, 0.5) / 1e3,
        .p99 = quantile(&measurement->histogram, 0.99) / 1e3,
        .p999 = quantile(&measurement->histogram, 0.999) / 1e3,
        .own_cpu = (double)(end->own_cpu - begin->own_cpu) / elapsed,
        .requests_per_turn = turns > 0 ? requests / turns : 0,
        .allocations = (double)(end->allocations - begin->allocations) / requests,
    };
    report.busy = report.own_cpu - (double)(end->idle - begin->idle) / elapsed;
    if (report.busy < 0)
        report.busy = 0; // idle is wall time: another process on this core inflates it
    if (measurement->server)
        add_server(&report, measurement);
    return report;
}

// The load limits the throughput if it had nothing left and the server had: more turns with less in each keep the load
// busy as well, so its own figure alone proves nothing.
static inline bool is_saturated(const struct measurement *measurement, const struct report *report)
{
    return report->busy > 0.95 && (!measurement->server || report->server_cpu < 0.95);
}

// `options` is what the load was asked for, as members of a JSON object.
static inline void print_json(const char *options, const struct measurement *measurement, const struct report *report)
{
    printf("{%s, \"seconds\": %.4f, \"requests\": %lu, \"errors\": %lu, \"requests_per_second\": %.1f, "
           "\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"load_cpu\": %.3f, \"load_busy\": %.3f, "
           "\"load_saturated\": %s, \"requests_per_turn\": %.2f",
           options, report->seconds, measurement->requests, measurement->errors, report->requests_per_second,
           report->p50, report->p99, report->p999, report->own_cpu, report->busy,
           is_saturated(measurement, report) ? "true" : "false", report->requests_per_turn);
    if (measurement->server)
        printf(", \"server_cpu\": %.3f, \"server_user_us\": %.4f, \"server_system_us\": %.4f, "
               "\"server_total_us\": %.4f",
               report->server_cpu, report->server_user, report->server_system, report->server_total);
    if (measurement->allocations)
        printf(", \"allocations_per_request\": %.4f", report->allocations);
    printf("}\n");
}

static inline void print_text(const struct measurement *measurement, const struct report *report)
{
    printf("requests   %10.0f /s, %lu in %.2f s, %lu errors\n", report->requests_per_second, measurement->requests,
           report->seconds, measurement->errors);
    printf("latency    p50 %.1f us, p99 %.1f us, p99.9 %.1f us\n", report->p50, report->p99, report->p999);
    printf("load       %.0f %% busy of %.0f %% CPU, %.1f requests a turn%s\n", report->busy * 100,
           report->own_cpu * 100, report->requests_per_turn,
           is_saturated(measurement, report) ? "; SATURATED: the load is the bottleneck" : "");
    if (measurement->server)
        printf("server     %.2f us a request: user %.2f, system %.2f; %.0f %% CPU\n", report->server_total,
               report->server_user, report->server_system, report->server_cpu * 100);
    if (measurement->allocations)
        printf("allocation %.4f a request\n", report->allocations);
}
