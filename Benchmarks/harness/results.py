"""results.json, and what is made of it.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import json
from pathlib import Path

from . import markdown, page, summary
from .rounds import is_disturbed


def load(directory: Path) -> dict:
    try:
        return json.loads((directory / "results.json").read_text())
    except OSError:
        return {"suites": {}, "counts": {}}


def suite(workload, subject: str, plan, rounds: list, earlier: dict | None) -> dict:
    """A suite's part of the results; `earlier` rounds of the same suite are kept in front."""
    rounds = [*(earlier["rounds"] if earlier else []), *rounds]
    return {
        "title": workload.title,
        "unit": workload.unit,
        "subject": subject,
        "tool": workload.tool,
        "options": dict(workload.options),
        "seconds": plan.seconds,
        "warmup": plan.warmup,
        "saturates": workload.saturates,
        "notes": summary.notes(rounds, is_disturbed),
        "summary": summary.summarise(rounds, subject, workload.kind),
        "rounds": rounds,
    }


def write(directory: Path, results: dict) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (directory / "results.md").write_text(markdown.document(results))
    (directory / "index.html").write_text(page.document(results))
