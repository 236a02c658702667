"""What the servers are asked to do.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    # What one request is.
    unit: str
    tool: str = "load"
    options: dict[str, float] = field(default_factory=dict)
    protocol: str = "echo"
    is_sink: bool = False
    # Whether the server is meant to be busy all the time, so that throughput means something.
    saturates: bool = True
    is_quick: bool = False
    skipped: tuple[str, ...] = ()


def ping_pong(connections: int, is_quick: bool = False) -> Workload:
    plural = "s" if connections > 1 else ""
    return Workload(f"pingpong-{connections}", f"Ping-pong, {connections:,} connection{plural}", "64 bytes there and back",
                    options={"connections": connections, "size": 64}, is_quick=is_quick)


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
)

# Not part of a full run: what was tried in C, for docs/performance.md.
EXPERIMENTS = (
    Workload("experiments", "Ways to use io_uring, ping-pong, 100 connections", "64 bytes there and back",
             options={"connections": 100, "size": 64}, protocol="experiment"),
    Workload("experiments-rate", "Ways to use io_uring, 10,000 requests a second over 100 connections",
             "64 bytes there and back", options={"connections": 100, "size": 64, "rate": 10000}, saturates=False,
             protocol="experiment"),
    Workload("experiments-stream", "Ways to use io_uring, one-way streaming, 8 connections", "64 KiB received",
             options={"connections": 8, "size": 65536, "pipeline": 4}, is_sink=True, protocol="experiment-stream"),
)

WORKLOADS = {workload.name: workload for workload in (*TIMED, *EXPERIMENTS)}
COUNTS = "counts"
