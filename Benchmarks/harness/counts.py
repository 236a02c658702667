"""Figures that are counted, not timed: system calls, allocations and instructions a request, memory a connection.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from .isolation import die_with_parent
from .loads import own_load
from .paths import C_BUILD
from .peers import Peer
from .progress import Progress, log
from .server import Failure, Server
from .workloads import WORKLOADS

CONNECTIONS = 100
REQUESTS_UNDER_CALLGRIND = (2_000, 22_000)
IDLE_CONNECTIONS = (1_000, 10_000)
# The peers whose instructions Callgrind can count: no just-in-time compiler, and one thread.
CALLGRIND = ("gyre", "gyre-plain", "gyre-ordinary", "gyre-epoll", "c-uring", "c-uring-direct", "c-epoll", "libuv",
             "tokio")


def system_calls(peer: Peer) -> float:
    """System calls a request at 100 connections, the connections' own included.

    By the kernel's tracepoint where perf(1) may use it. strace(1) slows the server down, and a slow server finds more
    to do in a turn: its figures are a little lower for those who batch.
    """
    workload = WORKLOADS[f"pingpong-{CONNECTIONS}"]
    with Server(peer) as server:
        port = server.port()
        with tempfile.NamedTemporaryFile("r") as output:
            tracer = start_tracer(server.pid, output.name)
            sample = own_load(workload, server, port, ["--requests", "100000"], 20, 0)
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
            return read_calls(output.read()) / sample["requests"]


def start_tracer(pid: int, output: str) -> subprocess.Popen:
    can_trace = subprocess.run(["perf", "stat", "-e", "raw_syscalls:sys_enter", "true"], capture_output=True)
    if can_trace.returncode == 0:
        command = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", str(pid), "-o", output]
    else:
        command = ["strace", "-c", "-f", "-q", "-p", str(pid), "-o", output]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    time.sleep(0.5)  # neither says when it has attached
    return tracer


def read_calls(text: str) -> int:
    if match := re.search(r"^(\d+),[^\n]*raw_syscalls:sys_enter", text, re.MULTILINE):
        return int(match.group(1))
    if match := re.search(r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s.*total$", text, re.MULTILINE):
        return int(match.group(1))
    raise Failure(f"no count of system calls in: {text[-200:]!r}")


def allocations(peer: Peer) -> float | None:
    """Calls of malloc(3) and its like a request, once it runs. Not for Go, which does without."""
    if peer.name == "go":
        return None
    with tempfile.NamedTemporaryFile() as counter:
        counter.write(bytes(8))
        counter.flush()
        environment = {"LD_PRELOAD": str(C_BUILD / "count-allocations.so"), "COUNT_ALLOCATIONS": counter.name}
        with Server(peer, environment=environment) as server:
            sample = own_load(WORKLOADS[f"pingpong-{CONNECTIONS}"], server, server.port(),
                              ["--allocations", counter.name], 1, 0.5)
        return sample["allocations_per_request"]


def instructions(peer: Peer) -> float | None:
    """Instructions in user space a request, by Callgrind: what 20,000 requests more take more."""
    if peer.name not in CALLGRIND or not shutil.which("valgrind"):
        return None
    few, many = (instructions_of(peer, requests) for requests in REQUESTS_UNDER_CALLGRIND)
    return (many[0] - few[0]) / (many[1] - few[1])


def instructions_of(peer: Peer, requests: int) -> tuple[int, int]:
    """What a whole run took, and the requests that it answered."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, "callgrind.out")
        peer = without_debug_information(peer, directory)
        prefix = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", "--vgdb=no")
        with Server(peer, prefix=prefix) as server:
            port = server.port(timeout=60)
            sample = own_load(WORKLOADS[f"pingpong-{CONNECTIONS}"], server, port,
                              ["--requests", str(requests)], 60, 0)
            answered = sample["requests"] + end_busy(server, port)
        match = re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.MULTILINE)
    if not match:
        raise Failure("Callgrind gave no total")
    return int(match.group(1)), answered


def without_debug_information(peer: Peer, directory: str) -> Peer:
    """Valgrind gives up on a program whose debug information is newer than it knows."""
    program = Path(directory, Path(peer.command[0]).name)
    shutil.copy2(peer.command[0], program)
    subprocess.run(["strip", "--strip-debug", str(program)], check=False, stderr=subprocess.DEVNULL)
    return replace(peer, command=(str(program), *peer.command[1:]))


def end_busy(server: Server, port: int) -> int:
    """Valgrind looks for a signal now and then between instructions: a server that waits has to be kept busy.

    Returns the requests that it has answered meanwhile, but for those of the last connections, which it does not close.
    """
    answered = 0
    server.process.terminate()
    while server.process.poll() is None:
        try:
            sample = own_load(WORKLOADS[f"pingpong-{CONNECTIONS}"], server, port, ["--requests", "100"], 1, 0)
            answered += sample["requests"]
        except Failure:
            break  # it has ended meanwhile
    return answered


def idle_memory(peer: Peer) -> float:
    """Bytes of the server's own memory per connection that has made a request and now waits."""
    few, many = IDLE_CONNECTIONS
    with Server(peer) as server, ExitStack() as stack:
        port = server.port()
        open_connections(stack, port, few)
        before = settled_memory(server)
        open_connections(stack, port, many - few)
        return (settled_memory(server) - before) / (many - few)


def open_connections(stack: ExitStack, port: int, count: int) -> None:
    for _ in range(count):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        # Closing resets, so that the ports are free again at once.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(bytes(64))
        received = 0
        while received < 64:
            received += len(connection.recv(64))


def settled_memory(server: Server) -> int:
    """Once it does not grow any more."""
    last = server.private_bytes()
    for _ in range(20):
        time.sleep(0.1)
        now = server.private_bytes()
        if now == last:
            break
        last = now
    return last


FIGURES = {
    "system_calls": ("system calls a request", system_calls),
    "allocations": ("allocations a request", allocations),
    "instructions": ("user instructions a request", instructions),
    "idle_memory": ("bytes per idle connection", idle_memory),
}


def count(peers: list[Peer], progress: Progress) -> dict[str, dict]:
    found = {}
    for peer in peers:
        figures = {}
        for name, (title, figure) in FIGURES.items():
            progress.step(f"counting {title}: {peer.name}")
            try:
                figures[name] = figure(peer)
            except (Failure, OSError) as failure:
                log(f"{peer.name}, {title}: {failure}")
        found[peer.name] = figures
        text = ", ".join(f"{value:.3g} {FIGURES[name][0]}" for name, value in figures.items() if value is not None)
        progress.finish(f"{peer.name}: {text}")
    return found
