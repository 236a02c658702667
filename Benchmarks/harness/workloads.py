"""What the servers are asked to do.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .kinds import PROGRAM, SCALING, SERVER, Kind


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    # What one request is.
    unit: str
    tool: str = "load"
    options: dict[str, float | str] = field(default_factory=dict)
    protocol: str = "echo"
    is_sink: bool = False
    # Whether the server is meant to be busy all the time, so that throughput means something.
    saturates: bool = True
    is_quick: bool = False
    skipped: tuple[str, ...] = ()
    kind: Kind = SERVER
    # About how long a program takes, which does a fixed amount of work.
    seconds_of_program: float = 0

    def arguments(self) -> list[str]:
        """The options as a command line."""
        return [text for name, value in self.options.items() for text in (f"--{name}", str(value))]


def ping_pong(connections: int, is_quick: bool = False) -> Workload:
    plural = "s" if connections > 1 else ""
    return Workload(f"pingpong-{connections}", f"Ping-pong, {connections:,} connection{plural}", "64 bytes there and back",
                    options={"connections": connections, "size": 64}, is_quick=is_quick)


def program(name: str, title: str, unit: str, seconds: float, protocol: str | None = None, **options: float) -> Workload:
    """A suite of programs that measure themselves."""
    return Workload(name, title, unit, options={key.replace("_", "-"): value for key, value in options.items()},
                    protocol=protocol or name, saturates=False, kind=PROGRAM, seconds_of_program=seconds)


def hop(in_flight: int) -> Workload:
    return program(f"hop-{in_flight}", f"There and back between two threads, {in_flight} under way", "a round trip", 1,
                   protocol="hop", in_flight=in_flight)


def scaling(operation: str, title: str, unit: str, seconds: float) -> tuple[Workload, ...]:
    """A suite for each backend: their variants differ, and so do what they are compared to."""
    return tuple(Workload(f"scaling-{operation}{suffix}", f"{title}, {backend}", unit, options={"operation": operation},
                          protocol="scaling" + suffix, saturates=False, kind=SCALING, seconds_of_program=seconds)
                 for suffix, backend in (("", "io_uring"), ("-epoll", "epoll")))


TIMED = (
    ping_pong(1),
    ping_pong(10),
    ping_pong(100, is_quick=True),
    ping_pong(1000, is_quick=True),
    ping_pong(10000),
    Workload("pipelined", "Pipelined, 100 connections with 16 requests in flight each", "64 bytes there and back",
             options={"connections": 100, "size": 64, "pipeline": 16}),
    Workload("large", "16 KiB messages, 100 connections", "16 KiB there and back",
             options={"connections": 100, "size": 16384}),
    Workload("stream", "One-way streaming into the server, 8 connections", "64 KiB received",
             options={"connections": 8, "size": 65536, "pipeline": 4}, is_sink=True),
    Workload("churn", "Connection churn: connect, one request, close; 64 at a time", "one connection",
             tool="churn", options={"connections": 64, "size": 64}, saturates=False),
    Workload("idle", "10,000 connections, 1 % of them active", "64 bytes there and back",
             options={"connections": 10000, "active": 100, "size": 64}),
    Workload("rate", "Fixed rate: 10,000 requests a second over 100 connections", "64 bytes there and back",
             options={"connections": 100, "size": 64, "rate": 10000}, saturates=False, is_quick=True),
    Workload("http", "HTTP/1.1 keep-alive, 100 connections", "GET / with a 13-byte answer", tool="wrk",
             options={"connections": 100}, protocol="http"),
    Workload("resp", "Redis protocol, 100 connections", "one GET", tool="redis-benchmark",
             options={"connections": 100}, protocol="resp"),
    program("suspend", "A task suspends and is resumed", "a suspension", 1),
    program("timers", "1,000,000 tasks sleep; half are cancelled, half wake up", "a timer", 13),
    program("hop", "There and back between two threads, 64 under way", "a round trip", 1, in_flight=64),
    program("wake", "A parked thread on another core is woken", "a wake", 1),
)

# Not part of a full run: what was tried, for docs/performance.md.
EXPERIMENTS = (
    Workload("experiments", "Ways to use io_uring, ping-pong, 100 connections", "64 bytes there and back",
             options={"connections": 100, "size": 64}, protocol="experiment"),
    Workload("experiments-rate", "Ways to use io_uring, 10,000 requests a second over 100 connections",
             "64 bytes there and back", options={"connections": 100, "size": 64, "rate": 10000}, saturates=False,
             protocol="experiment"),
    Workload("experiments-1", "Ways to use io_uring, ping-pong, 1 connection", "64 bytes there and back",
             options={"connections": 1, "size": 64}, saturates=False, protocol="experiment"),
    Workload("experiments-pipelined", "Ways to use io_uring, 16 requests under way on each of 100 connections",
             "64 bytes there and back", options={"connections": 100, "size": 64, "pipeline": 16},
             protocol="experiment"),
    Workload("experiments-spin", "A loop that looks for work before it sleeps, ping-pong, 1 connection",
             "64 bytes there and back", options={"connections": 1, "size": 64}, saturates=False,
             protocol="experiment-spin"),
    Workload("experiments-spin-rate", "The same, 10,000 requests a second over 100 connections",
             "64 bytes there and back", options={"connections": 100, "size": 64, "rate": 10000}, saturates=False,
             protocol="experiment-spin"),
    Workload("experiments-stream", "Ways to use io_uring, one-way streaming, 8 connections", "64 KiB received",
             options={"connections": 8, "size": 65536, "pipeline": 4}, is_sink=True, protocol="experiment-stream"),
    *(hop(in_flight) for in_flight in (1, 16, 256)),
)

# Not part of a full run: what grows with what merely waits. `scripts/bench scaling` is all of them.
SCALED = (
    *scaling("connection", "Short connections beside idle ones", "connect, echo a byte, close", 4),
    *scaling("accept", "Short connections beside other listeners", "accept and close", 3),
    *scaling("timer", "Timers beside pending ones", "a sleep that ends at once", 2),
    *scaling("hop", "Between two loops by channels, beside tasks that wait at others", "there and back", 2),
    *scaling("cancel-receive", "Cancelled receives beside waiting ones", "start a task, cancel its receive", 3),
    *scaling("cancel-sleep", "Cancelled sleeps beside pending ones", "start a task, cancel its sleep", 2),
    *scaling("cancel-channel", "Cancelled receives from a channel at which others wait", "start a task, cancel it", 2),
    *scaling("cancel-accept", "Cancelled accepts from a listener at which others wait", "start a task, cancel it", 2),
    *scaling("sample", "A look at a listener's queues beside its connections", "`listener.queues`", 3),
    *scaling("syn-sample", "The same with its SYN queue, by sock_diag(7)", "`listener.queues(including: .synQueue)`", 3),
)
GROUPS = {"scaling": SCALED}

WORKLOADS = {workload.name: workload for workload in (*TIMED, *EXPERIMENTS, *SCALED)}
# Suites of one protocol have the same variants.
PROTOCOLS = tuple(dict.fromkeys(workload.protocol for workload in WORKLOADS.values()))
COUNTS = "counts"
