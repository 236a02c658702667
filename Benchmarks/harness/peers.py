"""The servers and programs that can be measured, and how each is built.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from .paths import BENCHMARKS, C_BUILD, ROOT, SWIFT_BUILD

MAKE = ("make", "-C", str(BENCHMARKS))
SWIFT = ("swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", str(BENCHMARKS), "--product")
SWIFT_EXAMPLE = ("swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", str(ROOT), "--product")
# A package of its own: it takes minutes to build.
HUMMINGBIRD = BENCHMARKS / "HelloHummingbird"


@dataclass(frozen=True)
class Peer:
    name: str
    about: str
    command: tuple[str, ...]
    build: tuple[str, ...] = ()
    # What has to be there before it can be built or run, as a shell test, and how one gets it.
    needs: str = ""
    install: str = ""
    protocol: str = "echo"

    def is_possible(self) -> bool:
        return not self.needs or subprocess.run(["sh", "-c", self.needs], capture_output=True).returncode == 0

    def is_built(self) -> bool:
        return shutil.which(self.command[0]) is not None

    def arguments(self, is_sink: bool) -> list[str]:
        return [*self.command, *(["--sink"] if is_sink else [])]


def apt(package: str) -> str:
    return f"apt-get install {package}"


def c_peer(name: str, about: str, program: str, *arguments: str) -> Peer:
    return Peer(name, about, (str(C_BUILD / program), *arguments), MAKE)


def swift_peer(name: str, about: str, product: str, *arguments: str) -> Peer:
    return Peer(name, about, (str(SWIFT_BUILD / product), *arguments), (*SWIFT, product))


def example_peer(name: str, about: str, product: str, protocol: str, *arguments: str) -> Peer:
    sources = ROOT / "Examples" / product
    return Peer(name, about, (str(ROOT / ".build/release" / product), *arguments), (*SWIFT_EXAMPLE, product),
                f"test -d '{sources}'", "a checkout that has it", protocol)


def program_peer(name: str, protocol: str, about: str, product: str, *arguments: str) -> Peer:
    return replace(swift_peer(name, about, product, *arguments), protocol=protocol)


def spin_peer(name: str, about: str, *arguments: str) -> Peer:
    return program_peer(name, "experiment-spin", about, "gyre-echo", "--backend", "uring", *arguments)


def find_node_script() -> Path:
    return BENCHMARKS / "Node/echo.mjs"


ECHO_PEERS = (
    swift_peer("gyre", "Gyre on io_uring, direct descriptors (its default), `exchange`", "gyre-echo", "--backend",
               "uring", "--exchange"),
    swift_peer("gyre-plain", "the same, `receive` and `send`", "gyre-echo", "--backend", "uring"),
    swift_peer("gyre-ordinary", "Gyre on io_uring, ordinary descriptors, `exchange`", "gyre-echo", "--backend", "uring",
               "--exchange", "--ordinary"),
    swift_peer("gyre-epoll", "Gyre on epoll, `exchange`", "gyre-echo", "--backend", "epoll", "--exchange"),
    c_peer("c-uring", "C and liburing: multishot, provided buffers, ordinary descriptors", "echo-uring"),
    c_peer("c-uring-direct", "C and liburing: the same with direct descriptors", "echo-uring", "--direct"),
    c_peer("c-epoll", "C and edge-triggered epoll, reads and writes tried first", "echo-epoll"),
    swift_peer("nio-handler", "SwiftNIO, a ChannelHandler", "nio-handler-echo"),
    swift_peer("nio-async", "SwiftNIO, NIOAsyncChannel", "nio-async-channel-echo"),
    swift_peer("flying-socks", "FlyingSocks, of FlyingFox", "flying-socks-echo"),
    Peer("libuv", "libuv in C", (str(C_BUILD / "echo-libuv"),), (*MAKE, "libuv"),
         "pkg-config --exists libuv", apt("libuv1-dev")),
    Peer("tokio", "Rust, tokio's single-threaded runtime", (str(C_BUILD / "echo-tokio"),), (*MAKE, "tokio"),
         "command -v cargo && ls -d /usr/share/cargo/registry/tokio-1.*", apt("cargo librust-tokio-dev")),
    Peer("go", "Go's net package, GOMAXPROCS=1", (str(C_BUILD / "echo-go"),), (*MAKE, "go"),
         "command -v go", apt("golang-go")),
    Peer("node", "Node's net module", ("node", str(find_node_script())), (), "command -v node", apt("nodejs")),
)

HTTP_PEERS = (
    example_peer("gyre-http", "Examples/HTTP on Gyre", "HTTP", "http", "0"),
    Peer("hummingbird", "Hummingbird on SwiftNIO", (str(HUMMINGBIRD / ".build/release/hummingbird-hello"),),
         ("swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", str(HUMMINGBIRD)),
         protocol="http"),
    Peer("nginx", "nginx, one process, `return 200`", (str(BENCHMARKS / "Servers/nginx"),), (),
         "command -v nginx", apt("nginx"), "http"),
)

RESP_PEERS = (
    example_peer("gyre-kv", "Examples/KeyValue on Gyre", "KeyValue", "resp", "0",
                 str(C_BUILD / "keys.image")),
    Peer("redis", "redis-server, without persistence", (str(BENCHMARKS / "Servers/redis"),), (),
         "command -v redis-server && command -v redis-benchmark", apt("redis-server redis-tools"), "resp"),
)

EXECUTOR_PEERS = (
    program_peer("gyre-task", "suspend", "a task that prefers a loop", "executor-bench", "resume-preferred"),
    program_peer("gyre-program", "suspend", "the loop is the program's executor", "executor-bench",
                 "resume-whole-program"),
    program_peer("bare", "suspend", "the least executor that runs tasks: an array of jobs", "executor-bench",
                 "resume-bare"),
    program_peer("gyre-timers", "timers", "Gyre, `loop.sleep`", "executor-bench", "timers-loop"),
    program_peer("gyre-task-sleep", "timers", "`Task.sleep` on a loop of Gyre", "executor-bench", "timers-task-sleep"),
    program_peer("stock-timers", "timers", "`Task.sleep` on the stock executor", "executor-bench", "timers-stock"),
)

HOP_PEERS = (
    program_peer("gyre-channel", "hop", "two busy loops on io_uring, a channel each way", "hop-bench", "channel"),
    program_peer("gyre-channel-epoll", "hop", "the same on epoll", "hop-bench", "channel", "--backend", "epoll"),
    program_peer("gyre-channel-idle", "hop", "the same on io_uring; the loops have nothing else to do", "hop-bench",
                 "channel", "--alone"),
    program_peer("gyre-actors", "hop", "two actors that live on two busy loops, one calls the other", "hop-bench",
                 "loop-actors"),
    program_peer("actors", "hop", "two busy default actors on the stock pool, one calls the other", "hop-bench", "actors"),
    program_peer("actors-idle", "hop", "the same with nothing else to do: most calls stay on their thread", "hop-bench",
                 "actors", "--alone"),
    program_peer("async-stream", "hop", "two tasks on the stock pool, an AsyncStream each way, nothing else to do",
                 "hop-bench", "stream", "--alone"),
    program_peer("gyre-wake", "wake", "a loop on io_uring", "hop-bench", "wake", "--trips", "100000"),
    program_peer("gyre-wake-epoll", "wake", "a loop on epoll", "hop-bench", "wake", "--trips", "100000", "--backend",
                 "epoll"),
    program_peer("c-eventfd", "wake", "a thread in C, by eventfd(2)", "hop-bench", "wake-c", "--trips", "100000"),
)

# The same operation beside others that wait; the number of them is the variant.
IDLE = {"beside-none": 0, "beside-1000": 1000, "beside-15000": 15_000}


def scaling_peers(backend: str, suffix: str = "") -> tuple[Peer, ...]:
    return tuple(program_peer(name + suffix, "scaling" + suffix, f"a loop on {backend}, {idle:,} others wait", "scaling-bench",
                              "--backend", backend, "--idle", str(idle)) for name, idle in IDLE.items())


SCALING_PEERS = (*scaling_peers("uring"), *scaling_peers("epoll", "-epoll"))

# A loop that looks for work before it sleeps: what it gives, and what it burns.
SPIN_PEERS = (
    spin_peer("gyre-sleeps", "Gyre on io_uring, which sleeps at once (its default)"),
    spin_peer("gyre-spins-10", "Gyre on io_uring, which looks for work for 10 µs first", "--spin", "10"),
    spin_peer("gyre-spins-50", "Gyre on io_uring, which looks for work for 50 µs first", "--spin", "50"),
)


def experiment(name: str, about: str, *arguments: str, protocol: str = "experiment") -> Peer:
    return Peer(name, about, (str(C_BUILD / "echo-uring"), *arguments), MAKE, protocol=protocol)


# What echo-uring can do otherwise, one thing each.
EXPERIMENTS = (
    experiment("base", "DEFER_TASKRUN, multishot, provided buffers, ordinary descriptors"),
    experiment("direct", "direct descriptors", "--direct"),
    experiment("coop", "COOP_TASKRUN instead of DEFER_TASKRUN", "--ring", "coop"),
    experiment("plain", "neither", "--ring", "plain"),
    experiment("single-shot", "a receive at a time, into a provided buffer", "--single-shot"),
    experiment("own-buffers", "a receive at a time, into the connection's buffer", "--own-buffers"),
    experiment("poll-first", "POLL_FIRST on receives", "--poll-first"),
    experiment("incremental", "receives fill a buffer of 64 KiB one after the other", "--incremental", "--buffers",
               "128", "--buffer-size", "65536"),
    experiment("send-bundle", "sends in bundles, from a ring for each connection", "--send-bundle"),
    experiment("zero-copy", "SEND_ZC", "--zero-copy"),
    experiment("no-sqarray", "NO_SQARRAY, with an own mapping", "--no-sqarray"),
    experiment("lone-send", "send(2) where there is nothing else to submit", "--lone-send"),
    experiment("spin", "never sleeps", "--spin"),
    experiment("min-wait", "waits for 16 completions, up to 50 µs", "--wait", "16", "--min-wait", "50"),
)
STREAM_EXPERIMENTS = (
    experiment("stream-base", "multishot, provided buffers of 16 KiB", protocol="experiment-stream"),
    experiment("bundle", "a receive fills several buffers", "--bundle", protocol="experiment-stream"),
    experiment("large-buffers", "buffers of 64 KiB", "--buffer-size", "65536", protocol="experiment-stream"),
    experiment("stream-incremental", "receives fill buffers of 64 KiB one after the other", "--incremental",
               "--buffers", "128", "--buffer-size", "65536", protocol="experiment-stream"),
    experiment("stream-single-shot", "a receive at a time", "--single-shot", protocol="experiment-stream"),
)

PEERS = {peer.name: peer for peer in (*ECHO_PEERS, *HTTP_PEERS, *RESP_PEERS, *EXECUTOR_PEERS, *HOP_PEERS,
                                     *EXPERIMENTS, *STREAM_EXPERIMENTS, *SPIN_PEERS, *SCALING_PEERS)}
SUBJECTS = {"echo": "gyre", "http": "gyre-http", "resp": "gyre-kv", "experiment": "base",
            "experiment-stream": "stream-base", "experiment-spin": "gyre-sleeps", "suspend": "gyre-task",
            "timers": "gyre-timers", "hop": "gyre-channel", "wake": "gyre-wake", "scaling": "beside-none",
            "scaling-epoll": "beside-none-epoll"}
