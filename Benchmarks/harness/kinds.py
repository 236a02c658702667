"""What the suites' runs tell: servers under a load, and programs that measure themselves.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of a suite's table."""
    title: str
    # Of the summary.
    name: str
    form: str
    # Whether to show least / median / most, or the median alone.
    is_spread: bool = False


@dataclass(frozen=True)
class Metric:
    """A chart of a suite."""
    column: str
    title: str
    unit: str
    form: str
    # A value to mark with a line.
    mark: float | None = None


@dataclass(frozen=True)
class Kind:
    # What one of the things is called that a figure is of.
    one: str
    # The figure that stands for a run, and what it is called.
    figure: str
    figure_title: str
    # The figures of a run that are summarised, and the ratios by the figures that they are of.
    columns: tuple[str, ...]
    ratios: dict[str, str]
    table: tuple[Column, ...]
    metrics: tuple[Metric, ...]
    # Whether the ratios are the variant's figure divided by the subject's, and not the other way round.
    is_growth: bool = False


SERVER = Kind(
    "One request",
    "server_total_us", "CPU µs a request",
    ("server_total_us", "server_user_us", "server_system_us", "server_cpu", "requests_per_second", "p50_us", "p99_us",
     "p999_us"),
    {"ratio": "server_total_us", "throughput_ratio": "requests_per_second", "p50_ratio": "p50_us"},
    (Column("CPU: {subject} ÷ it", "ratio", ".2f", True), Column("CPU µs a request", "server_total_us", ".2f", True),
     Column("user µs", "server_user_us", ".2f"), Column("system µs", "server_system_us", ".2f"),
     Column("server CPU %", "server_cpu", ".0%"), Column("requests/s", "requests_per_second", ",.0f"),
     Column("p50 µs", "p50_us", ".0f"), Column("p99 µs", "p99_us", ".0f"), Column("p99.9 µs", "p999_us", ".0f")),
    (Metric("server_total_us", "CPU per request", "µs", ".2f"),
     Metric("ratio", "CPU per request, Gyre ÷ peer", "×", ".2f", mark=1),
     Metric("requests_per_second", "throughput", "requests/s", ",.0f"),
     Metric("p50_us", "latency, p50", "µs", ",.0f"),
     Metric("p99_us", "latency, p99", "µs", ",.0f"),
     Metric("p999_us", "latency, p99.9", "µs", ",.0f")),
)

PROGRAM = Kind(
    "Each",
    "cpu_ns", "CPU ns each",
    ("cpu_ns", "wall_ns", "cores", "hops", "total_ns", "fills", "fill_ns"),
    {"ratio": "cpu_ns", "time_ratio": "wall_ns"},
    (Column("CPU: {subject} ÷ it", "ratio", ".2f", True), Column("CPU ns each", "cpu_ns", ",.0f", True),
     Column("time ns each", "wall_ns", ",.0f"), Column("cores busy", "cores", ".2f"),
     Column("on another thread", "hops", ".0%"), Column("CPU ns, with fills", "total_ns", ",.0f"),
     Column("fills each", "fills", ".2f"), Column("CPU ns a fill", "fill_ns", ",.0f")),
    (Metric("cpu_ns", "CPU", "ns each", ",.0f"),
     Metric("wall_ns", "time", "ns each", ",.0f")),
)

# What an operation costs beside many that wait, divided by what it costs beside none.
SCALING = Kind(
    "Each",
    "cpu_ns", "CPU ns each",
    ("cpu_ns", "wall_ns", "cores"),
    {"ratio": "cpu_ns", "time_ratio": "wall_ns"},
    (Column("CPU: it ÷ {subject}", "ratio", ".2f", True), Column("CPU ns each", "cpu_ns", ",.0f", True),
     Column("time ns each", "wall_ns", ",.0f"), Column("time: it ÷ {subject}", "time_ratio", ".2f")),
    (Metric("ratio", "CPU, beside others ÷ beside none", "×", ".2f", mark=1.25),
     Metric("cpu_ns", "CPU", "ns each", ",.0f")),
    is_growth=True,
)
