"""The servers that can be measured, and how each is built.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .paths import BENCHMARKS, C_BUILD, ROOT, SWIFT_BUILD

MAKE = ("make", "-C", str(BENCHMARKS))
SWIFT = ("swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", str(BENCHMARKS), "--product")
SWIFT_EXAMPLE = ("swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", str(ROOT), "--product")
SUBJECT = "gyre"


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


def find_node_script() -> Path:
    return BENCHMARKS / "Node/echo.mjs"


ECHO_PEERS = (
    swift_peer("gyre", "Gyre on io_uring, direct descriptors (its default)", "gyre-echo", "--backend", "uring"),
    swift_peer("gyre-ordinary", "Gyre on io_uring, ordinary descriptors", "gyre-echo", "--backend", "uring",
               "--ordinary"),
    swift_peer("gyre-epoll", "Gyre on epoll", "gyre-echo", "--backend", "epoll"),
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
    example_peer("gyre-http", "Examples/HTTP on Gyre", "HTTP", "http", "--port", "0"),
    Peer("nginx", "nginx, one process, `return 200`", (str(BENCHMARKS / "Servers/nginx"),), (),
         "command -v nginx", apt("nginx"), "http"),
)

RESP_PEERS = (
    example_peer("gyre-kv", "Examples/KeyValue on Gyre", "KeyValue", "resp", "--port", "0"),
    Peer("redis", "redis-server, without persistence", (str(BENCHMARKS / "Servers/redis"),), (),
         "command -v redis-server && command -v redis-benchmark", apt("redis-server redis-tools"), "resp"),
)

PEERS = {peer.name: peer for peer in (*ECHO_PEERS, *HTTP_PEERS, *RESP_PEERS)}
SUBJECTS = {"echo": "gyre", "http": "gyre-http", "resp": "gyre-kv"}
