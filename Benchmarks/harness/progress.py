"""Tells people how far it is, on standard error.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import sys
import time


def log(message: str) -> None:
    print(f"bench: {message}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s"


class Progress:
    """A line that is rewritten on a terminal, and one line a step elsewhere."""

    def __init__(self, steps: int):
        self.steps = steps
        self.done = 0
        self.started = time.monotonic()
        self.is_terminal = sys.stderr.isatty()

    def step(self, what: str) -> None:
        if self.is_terminal:
            print(f"\r\033[Kbench: {self.share()}, {what}", end="", file=sys.stderr, flush=True)
        self.done += 1

    def finish(self, what: str) -> None:
        if self.is_terminal:
            print("\r\033[K", end="", file=sys.stderr)
        log(f"{self.share()}, {what}")

    def share(self) -> str:
        elapsed = time.monotonic() - self.started
        left = elapsed / self.done * (self.steps - self.done) if self.done else None
        remaining = f", {duration(left)} left" if left is not None else ""
        return f"{100 * self.done // max(1, self.steps):3d} %{remaining}"
