"""Builds the servers and says which are missing, and what installs them.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import subprocess

from .paths import as_typed
from .peers import MAKE, Peer
from .progress import log


def build(peers: list[Peer]) -> None:
    """Builds what can be; what failed shows as missing afterwards."""
    commands = dict.fromkeys([MAKE, *(peer.build for peer in peers if peer.build and peer.is_possible())])
    for number, command in enumerate(commands, 1):
        log(f"building {number} of {len(commands)}: {as_typed(command)}")
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            log(f"failed: {as_typed(command)}\n{result.stdout[-2000:]}")


def available(peers: list[Peer]) -> list[Peer]:
    present = []
    for peer in peers:
        if not peer.is_possible():
            log(f"skipping {peer.name}; to have it: {peer.install}")
        elif not peer.is_built():
            log(f"skipping {peer.name}: not built; to see why: {as_typed(peer.build)}")
        else:
            present.append(peer)
    return present
