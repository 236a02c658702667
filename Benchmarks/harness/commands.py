"""Runs a command to its end.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import subprocess

from .isolation import die_with_parent
from .server import Failure

GRACE_SECONDS = 30


def run(command: list[str], seconds: float) -> str:
    """What it printed; a failure if it did not end well, or `GRACE_SECONDS` after it should have."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE_SECONDS,
                                preexec_fn=die_with_parent)
    except subprocess.TimeoutExpired:
        raise Failure(f"{command[0]} did not end")
    except OSError as error:
        raise Failure(str(error))
    if result.returncode != 0:
        raise Failure(result.stderr.strip() or result.stdout.strip() or f"{command[0]} ended with {result.returncode}")
    return result.stdout
