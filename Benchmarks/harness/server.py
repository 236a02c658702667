"""A server under test, from its first line of output to its end.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time

from .isolation import die_with_parent
from .peers import Peer

SERVER_CORE, LOAD_CORE = 0, 1
START_TIMEOUT_SECONDS = 10
STOP_TIMEOUT_SECONDS = 10


class Failure(Exception):
    """A run that gave no figure."""


class Server:
    def __init__(self, peer: Peer, is_sink: bool = False, environment: dict[str, str] | None = None,
                 prefix: tuple[str, ...] = ()):
        command = ["taskset", "-c", str(SERVER_CORE), *prefix, *peer.arguments(is_sink)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        preexec_fn=die_with_parent, env={**os.environ, **(environment or {})})

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    def port(self, timeout: float = START_TIMEOUT_SECONDS) -> int:
        deadline = time.monotonic() + timeout
        while select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            line = self.process.stdout.readline()
            if not line:
                raise Failure("the server ended before it listened")
            if match := re.search(r"listening on \S+:(\d+)", line):
                return int(match.group(1))
        raise Failure("the server did not say where it listens")

    def cpu_seconds(self) -> float:
        """The processor time of all its threads, to the nanosecond: clock_getcpuclockid(3)."""
        scheduled = 2
        return time.clock_gettime((~self.pid << 3) | scheduled)

    def ticks(self) -> tuple[int, int]:
        """User and system time, in clock ticks: fields 14 and 15 of proc_pid_stat(5)."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]), int(fields[12])

    def private_bytes(self) -> int:
        """Memory that is the process's own, of the proportional set size: proc_pid_smaps_rollup(5)."""
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            match = re.search(r"^Pss:\s+(\d+) kB", file.read(), re.MULTILINE)
        return int(match.group(1)) * 1024
