"""Runs a program that measures itself and prints its figures as a line of JSON, once.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import json

from .commands import run
from .peers import Peer
from .workloads import Workload


def measure_program(peer: Peer, workload: Workload) -> dict:
    """On all cores; a program whose figure depends on where its threads are places them itself."""
    return json.loads(run([*peer.command, *workload.arguments()], workload.seconds_of_program))
