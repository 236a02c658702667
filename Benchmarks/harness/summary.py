"""What rounds of runs say: spreads, and ratios of runs that stood side by side.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import statistics

from .kinds import Kind


def spread(values: list[float]) -> dict:
    return {"least": min(values), "median": statistics.median(values), "most": max(values), "all": values}


def ratios(runs: list[dict], variant: str, subject: str, column: str) -> list[float]:
    """The subject's figure divided by the variant's, of runs beside each other in one round.

    The subject itself is compared to its run before, which shows the noise.
    """
    found = []
    for index, run in enumerate(runs):
        if run["variant"] != variant:
            continue
        if variant == subject:
            beside = [other for other in runs[:index] if other["variant"] == subject][-1:]
        else:
            beside = [other for other in runs[max(0, index - 1):index + 2] if other["variant"] == subject]
        values = [other[column] for other in beside if other.get(column)]
        if values and run.get(column):
            found.append(statistics.mean(values) / run[column])
    return found


def summarise_variant(rounds: list[list[dict]], variant: str, subject: str, kind: Kind) -> dict:
    runs = [run for round_ in rounds for run in round_ if run["variant"] == variant]
    summary = {}
    for column in kind.columns:
        if values := [run[column] for run in runs if run.get(column) is not None]:
            summary[column] = spread(values)
    for name, column in kind.ratios.items():
        if values := [ratio for round_ in rounds for ratio in ratios(round_, variant, subject, column)]:
            summary[name] = spread([1 / value for value in values] if kind.is_growth else values)
    return summary


def summarise(rounds: list[list[dict]], subject: str, kind: Kind) -> dict[str, dict]:
    names = dict.fromkeys(run["variant"] for round_ in rounds for run in round_)
    return {name: summarise_variant(rounds, name, subject, kind) for name in names}


def notes(rounds: list[list[dict]], is_disturbed) -> list[str]:
    runs = [run for round_ in rounds for run in round_]
    found = []
    if disturbed := sum(is_disturbed(run) for run in runs):
        found.append(f"{disturbed} of {len(runs)} runs were disturbed: something else ran on the cores.")
    for name in dict.fromkeys(run["variant"] for run in runs):
        saturated = [run.get("load_saturated", False) for run in runs if run["variant"] == name]
        if any(saturated):
            found.append(f"{name}: in {sum(saturated)} of {len(saturated)} runs the load was the bottleneck, so their "
                         "throughput and latency are the load's; the CPU time per request stands.")
        if errors := sum(run.get("errors", 0) for run in runs if run["variant"] == name):
            found.append(f"{name}: {errors} requests failed.")
    return found
