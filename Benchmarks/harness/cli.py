"""The command line of scripts/bench.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

from . import building, isolation, markdown, results
from .counts import FIGURES, count
from .paths import C_BUILD, as_typed
from .peers import ECHO_PEERS, PEERS, SUBJECTS, Peer
from .progress import Progress, log
from .rounds import Plan, measure_suite, runs_of_round
from .server import LOAD_CORE, SERVER_CORE
from .versions import versions
from .workloads import COUNTS, GROUPS, TIMED, WORKLOADS, Workload

METHOD = f"""\
Server and load are processes of their own, pinned to cores {SERVER_CORE} and {LOAD_CORE}. The figure is the server's CPU
time per request (user + system, of the whole process, in the measured window only). Every run starts its server afresh.
The variants alternate in each round and every one stands beside a run of Gyre's, to which it is compared: the ratio is
the median of these pairwise ratios, Gyre's time divided by the peer's, so less than 1 means that Gyre takes less. Every
other round goes through the variants backwards. Gyre's ratio to itself, of one run to the one before, shows the noise.
The suites suspend, timers, hop and wake are of programs that measure themselves, one measurement a run: what they divide
is the processor time of the whole process, and --seconds does not matter to them. So are the suites scaling-…: the variant is
how many others wait, the time is that of the loop's thread, and the ratio is the other way round: beside others ÷ beside none.
The loads are closed loops that poll, except at a fixed rate: there latency counts from the moment that a request was due.
Absolute figures depend on the machine and are no claim."""

FULL = Plan(seconds=1, warmup=0.3, rounds=5)
QUICK = Plan(seconds=0.4, warmup=0.15, rounds=2)
# Starting a server, connecting, draining.
OVERHEAD_SECONDS = 0.4


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures servers against each other.",
                                     epilog=METHOD, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="suite",
                        help=f"of {', '.join(WORKLOADS)}, {COUNTS}; or {', '.join(GROUPS)} for all whose name begins so; all but "
                        "the experiments and these, if none is named")
    parser.add_argument("--quick", action="store_true", help="a first look of about two minutes at three suites")
    parser.add_argument("--out", type=Path, default=Path("bench-results"), metavar="DIR",
                        help="where to write results.json, results.md and index.html (%(default)s)")
    parser.add_argument("--add", action="store_true",
                        help="add the rounds to those of the same suites in DIR instead of replacing them")
    parser.add_argument("--variants", help=f"a list of {', '.join(PEERS)} (all)")
    parser.add_argument("--extra", action="append", default=[], metavar="NAME=COMMAND",
                        help="one more echo server: it prints 'listening on 127.0.0.1:PORT'")
    parser.add_argument("--subject", metavar="VARIANT", help="the variant that is compared to the others (Gyre)")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="measured, each run")
    parser.add_argument("--no-build", action="store_true", help="measure what has been built before")
    parser.add_argument("--host-network", action="store_true",
                        help="use the host's loopback instead of a network namespace's")
    parser.add_argument("--isolated", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        arguments.peers = select_peers(arguments)
        arguments.workloads, arguments.counts = select_suites(arguments)
    except ValueError as error:
        parser.error(str(error))
    return arguments


def select_peers(arguments: argparse.Namespace) -> list[Peer]:
    known = dict(PEERS)
    for extra in arguments.extra:
        name, equals, command = extra.partition("=")
        if not equals or not command:
            raise ValueError(f"--extra {extra}: expected NAME=COMMAND")
        known[name] = Peer(name, command, tuple(shlex.split(command)))
    if not arguments.variants:
        return list(known.values())
    named = [*arguments.variants.split(","), *(extra.partition("=")[0] for extra in arguments.extra)]
    for name in named:
        if name not in known:
            raise ValueError(f"unknown variant {name}; known are {', '.join(known)}")
    subjects = {subject_of(known[name].protocol, arguments) for name in named}
    return [peer for peer in known.values() if peer.name in subjects or peer.name in named]


def subject_of(protocol: str, arguments: argparse.Namespace) -> str:
    return arguments.subject or SUBJECTS[protocol]


def select_suites(arguments: argparse.Namespace) -> tuple[list[Workload], bool]:
    named = [workload.name for name in arguments.suites for workload in GROUPS.get(name, ())]
    arguments.suites = [name for name in arguments.suites if name not in GROUPS] + named
    for name in arguments.suites:
        if name not in WORKLOADS and name != COUNTS:
            raise ValueError(f"unknown suite {name}; known are {', '.join(WORKLOADS)}, {COUNTS}")
    if arguments.suites:
        return [WORKLOADS[name] for name in dict.fromkeys(arguments.suites) if name != COUNTS], COUNTS in arguments.suites
    if arguments.quick:
        return [workload for workload in TIMED if workload.is_quick], False
    return list(TIMED), True


def plan_of(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else FULL
    return Plan(arguments.seconds or plan.seconds, plan.warmup, arguments.rounds or plan.rounds)


def taking_part(workload: Workload, peers: list[Peer]) -> list[Peer]:
    return [peer for peer in peers if peer.protocol == workload.protocol and peer.name not in workload.skipped]


def measurable(arguments: argparse.Namespace, peers: list[Peer]) -> list[tuple[Workload, list[Peer], Peer]]:
    """The suites whose subject is there, with those who take part."""
    found = []
    for workload in arguments.workloads:
        part, name = taking_part(workload, peers), subject_of(workload.protocol, arguments)
        subject = next((peer for peer in part if peer.name == name), None)
        if subject:
            found.append((workload, part, subject))
        else:
            log(f"skipping {workload.name}: it needs {name}")
    return found


def measure(arguments: argparse.Namespace, peers: list[Peer]) -> dict:
    plan = plan_of(arguments)
    suites = measurable(arguments, peers)
    counted = [peer for peer in peers if peer in ECHO_PEERS] if arguments.counts else []
    steps = sum(plan.rounds * runs_of_round(part, subject) for _, part, subject in suites)
    steps += len(counted) * len(FIGURES)
    run = plan.seconds + plan.warmup + OVERHEAD_SECONDS
    about = sum(plan.rounds * runs_of_round(part, subject) * (workload.seconds_of_program or run)
                for workload, part, subject in suites) + len(counted) * len(FIGURES) * run
    log(f"{steps} runs, about {about / 60:.0f} minutes")
    progress = Progress(steps)
    found = results.load(arguments.out)
    found |= {"method": METHOD, "versions": versions(), "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
              "peers": {**found.get("peers", {}),
                        **{peer.name: {"about": peer.about, "command": as_typed(peer.command)} for peer in peers}}}
    for workload, part, subject in suites:
        earlier = found["suites"].get(workload.name) if arguments.add else None
        rounds = measure_suite(part, subject, workload, plan, progress)
        found["suites"][workload.name] = results.suite(workload, subject.name, plan, rounds, earlier)
        results.write(arguments.out, found)
    if counted:
        found["counts"] |= count(counted, progress)
        results.write(arguments.out, found)
    return found


def main(script: str) -> None:
    arguments = parse_arguments()
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        sys.exit(f"bench: needs cores {SERVER_CORE} and {LOAD_CORE}")
    protocols = {workload.protocol for workload in arguments.workloads} | ({"echo"} if arguments.counts else set())
    peers = [peer for peer in arguments.peers if peer.protocol in protocols]
    if not arguments.no_build and not arguments.isolated:
        building.build(peers)
    if arguments.isolated:
        isolation.set_up_namespace()
    elif not arguments.host_network:
        isolation.isolate(script)
    if not (C_BUILD / "load").exists():
        sys.exit("bench: the load generator is missing; build it with: make -C Benchmarks")
    limit = isolation.raise_descriptor_limit()
    if limit < 11_000:
        log(f"only {limit} descriptors may be open, too few for 10,000 connections: raise the limit with ulimit -Hn")
    found = measure(arguments, building.available(peers))
    named = {workload.name for workload in arguments.workloads}
    print(markdown.document({**found, "suites": {name: suite for name, suite in found["suites"].items()
                                                 if name in named},
                             "counts": found["counts"] if arguments.counts else {}}))
    log(f"wrote {arguments.out}/index.html, results.json and results.md")
