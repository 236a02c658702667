"""Where things are in the repository.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import shlex
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
C_BUILD = BENCHMARKS / "build"
SWIFT_BUILD = BENCHMARKS / ".build/release"


def as_typed(command) -> str:
    """A command as one would type it at the repository's root."""
    return shlex.join(command).replace(f"{ROOT}/", "").replace(str(ROOT), ".")
