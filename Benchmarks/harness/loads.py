"""Runs a load against a server and reads what it says. Every load gives the same members, where it has them.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import csv
import io
import json

from .commands import run
from .paths import BENCHMARKS, C_BUILD
from .server import LOAD_CORE, Server
from .workloads import Workload

def run_load(command: list[str], seconds: float) -> str:
    return run(["taskset", "-c", str(LOAD_CORE), *command], seconds)


def own_load(workload: Workload, server: Server, port: int, extra: list[str], seconds: float, warmup: float) -> dict:
    """The C programs of Benchmarks/C, which read the server's clock themselves."""
    command = [str(C_BUILD / workload.tool), "--json", "--port", str(port), "--server-pid", str(server.pid),
               "--seconds", str(seconds), "--warmup", str(warmup), *workload.arguments(), *extra]
    if workload.is_sink:
        command.append("--sink")
    return json.loads(run_load(command, seconds + warmup))


def with_server_time(server: Server, requests_of, seconds_of, body) -> dict:
    """Adds the server's processor time around `body` for loads that can't read it."""
    cpu, ticks = server.cpu_seconds(), server.ticks()
    sample = body()
    cpu, after = server.cpu_seconds() - cpu, server.ticks()
    user, system = after[0] - ticks[0], after[1] - ticks[1]
    total = cpu * 1e6 / requests_of(sample)
    share = user / (user + system) if user + system else 0
    return {**sample, "server_total_us": total, "server_user_us": total * share,
            "server_system_us": total * (1 - share), "server_cpu": cpu / seconds_of(sample)}


def wrk(workload: Workload, server: Server, port: int, extra: list[str], seconds: float, warmup: float) -> dict:
    """wrk(1). It measures in whole seconds, and its threads sleep."""
    def attack(length: float) -> dict:
        command = ["wrk", "-t1", f"-c{workload.options['connections']}", f"-d{max(1, round(length))}s",
                   "-s", str(BENCHMARKS / "Wrk/report.lua"), f"http://127.0.0.1:{port}/"]
        return json.loads(run_load(command, length).strip().split("\n")[-1])

    if warmup > 0:
        attack(1)
    return with_server_time(server, lambda sample: sample["requests"], lambda sample: sample["seconds"],
                            lambda: attack(seconds))


def redis_benchmark(workload: Workload, server: Server, port: int, extra: list[str], seconds: float,
                    warmup: float) -> dict:
    """redis-benchmark(1), which counts requests instead of seconds."""
    def attack(requests: int) -> dict:
        command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-c", str(workload.options["connections"]),
                   "-n", str(requests), "-t", "get", "--csv"]
        row = next(csv.DictReader(io.StringIO(run_load(command, seconds))))
        rate = float(row["rps"])
        return {"requests": requests, "seconds": requests / rate, "requests_per_second": rate, "errors": 0,
                "p50_us": float(row["p50_latency_ms"]) * 1e3, "p99_us": float(row["p99_latency_ms"]) * 1e3}

    rate = attack(20_000)["requests_per_second"]
    return with_server_time(server, lambda sample: sample["requests"], lambda sample: sample["seconds"],
                            lambda: attack(int(rate * seconds)))


TOOLS = {"load": own_load, "churn": own_load, "wrk": wrk, "redis-benchmark": redis_benchmark}
