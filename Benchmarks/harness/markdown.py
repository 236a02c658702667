"""Results as Markdown tables.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

from .counts import FIGURES
from .kinds import Kind
from .workloads import PROTOCOLS, WORKLOADS


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join([row(header), row(["---"] + ["--:"] * (len(header) - 1)), *map(row, rows)])


def median(summary: dict, column: str, form: str) -> str:
    return format(summary[column]["median"], form) if column in summary else "–"


def three(summary: dict, column: str, form: str) -> str:
    if column not in summary:
        return "–"
    return " / ".join(format(summary[column][key], form) for key in ("least", "median", "most"))


def suite_table(suite: dict, kind: Kind) -> str:
    columns = [column for column in kind.table if any(column.name in summary for summary in suite["summary"].values())]
    header = ["variant", *(column.title.format(subject=suite["subject"]) for column in columns)]
    rows = [[name, *((three if column.is_spread else median)(summary, column.name, column.form) for column in columns)]
            for name, summary in suite["summary"].items()]
    return table(header, rows)


def overview(suites: dict[str, dict], protocol: str) -> str:
    """One row a peer, one column a workload: the subject's processor time a request divided by the peer's."""
    found = {name: suite for name, suite in suites.items() if WORKLOADS[name].protocol == protocol}
    peers = dict.fromkeys(peer for suite in found.values() for peer in suite["summary"])
    rows = [[peer, *(median(suite["summary"].get(peer, {}), "ratio", ".2f") for suite in found.values())]
            for peer in peers if peer not in {suite["subject"] for suite in found.values()}]
    if not found:
        return ""
    name, suite = next(iter(found.items()))
    is_growth = WORKLOADS[name].kind.is_growth
    return table([f"CPU, ÷ {suite['subject']}" if is_growth else f"CPU, {suite['subject']} ÷", *found], rows)


def counts_table(counts: dict[str, dict]) -> str:
    def cell(figures: dict, name: str) -> str:
        value = figures.get(name)
        return "–" if value is None else format(value, ",.0f" if value >= 100 else ".3f")

    rows = [[peer, *(cell(figures, name) for name in FIGURES)] for peer, figures in counts.items()]
    return table(["variant", *(title for title, _ in FIGURES.values())], rows)


def document(results: dict) -> str:
    parts = [results["method"]]
    parts += [f"- {name}: {value}" for name, value in results["versions"].items()]
    parts = ["\n".join([parts[0], "", *parts[1:]])]
    for protocol in PROTOCOLS:
        if text := overview(results["suites"], protocol):
            parts.append(text)
    for name, suite in results["suites"].items():
        parts.append(f"### {suite['title']} (`{name}`)\n\n{WORKLOADS[name].kind.one}: {suite['unit']}. {len(suite['rounds'])} rounds. "
                     "Three values are least / median / most.\n\n" + suite_table(suite, WORKLOADS[name].kind))
        parts += [f"Note: {note}" for note in suite["notes"]]
    if results.get("counts"):
        parts.append("### Counted, at 100 connections of 64 bytes\n\n" + counts_table(results["counts"]))
    return "\n\n".join(parts) + "\n"
