"""One suite: rounds in which the variants alternate.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import SERVER
from .loads import TOOLS
from .peers import Peer
from .programs import measure_program
from .progress import Progress, log
from .server import Failure, Server
from .workloads import Workload

# A polling load, or a program, that had less than this share of its cores was disturbed by another process, and is tried
# again.
UNDISTURBED_CPU = 0.97
ATTEMPTS = 3


@dataclass(frozen=True)
class Plan:
    seconds: float
    warmup: float
    rounds: int


def order(peers: list[Peer], subject: Peer, is_backwards: bool) -> list[Peer]:
    """S a b S c d S …: every peer stands beside a run of the subject."""
    others = [peer for peer in peers if peer != subject]
    if is_backwards:
        others.reverse()
    line = [subject]
    for first in range(0, len(others), 2):
        line += [*others[first:first + 2], subject]
    return line


def runs_of_round(peers: list[Peer], subject: Peer) -> int:
    return len(order(peers, subject, False))


def had_cpu(sample: dict) -> float:
    """The share that a load, or a program that keeps all cores busy, had of the processor time that it wants."""
    return sample.get("load_cpu", sample.get("had_cpu", 1))


def is_disturbed(sample: dict) -> bool:
    return had_cpu(sample) < UNDISTURBED_CPU


def measure(peer: Peer, workload: Workload, plan: Plan) -> dict:
    if workload.kind is not SERVER:
        return measure_program(peer, workload)
    with Server(peer, workload.is_sink) as server:
        return TOOLS[workload.tool](workload, server, server.port(), [], plan.seconds, plan.warmup)


def measure_calmly(peer: Peer, workload: Workload, plan: Plan) -> dict | None:
    """The least disturbed of a few attempts; None if none gave a figure."""
    samples = []
    for _ in range(ATTEMPTS):
        try:
            samples.append(measure(peer, workload, plan))
        except Failure as failure:
            log(f"{peer.name} failed at {workload.name}: {failure}")
            break
        if not is_disturbed(samples[-1]):
            break
    return max(samples, key=had_cpu, default=None)


def measure_round(number: int, peers: list[Peer], subject: Peer, workload: Workload, plan: Plan,
                  progress: Progress) -> list[dict]:
    runs = []
    for peer in order(peers, subject, is_backwards=number % 2 == 1):
        progress.step(f"{workload.name}, round {number + 1} of {plan.rounds}: {peer.name}")
        if sample := measure_calmly(peer, workload, plan):
            runs.append({"variant": peer.name, **sample})
    return runs


def measure_suite(peers: list[Peer], subject: Peer, workload: Workload, plan: Plan,
                  progress: Progress) -> list[list[dict]]:
    rounds = []
    for number in range(plan.rounds):
        rounds.append(measure_round(number, peers, subject, workload, plan, progress))
        kind = workload.kind
        line = ", ".join(f"{run['variant']} {run[kind.figure]:,.4g}" for run in rounds[-1])
        progress.finish(f"{workload.name}, round {number + 1} of {plan.rounds}, {kind.figure_title}: {line}")
    return rounds
