"""A chart of one metric of one suite: a row a variant, a dot a run.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import math
from html import escape

from .kinds import Metric

WIDTH, ROW, NAME_WIDTH, VALUE_WIDTH, TOP, BOTTOM = 960, 24, 160, 150, 6, 26
# Beyond this factor between the largest and the smallest figure, a linear axis shows nothing of the small ones.
LINEAR_RANGE = 30


class Scale:
    """From values to pixels: linear, with 0 in it, or logarithmic where the values are far apart.

    A value below 0 is noise, of a figure that is a difference.
    """

    def __init__(self, values: list[float]):
        self.least, self.most = min(values), max(values)
        self.is_logarithmic = self.least > 0 and self.most / self.least > LINEAR_RANGE
        if self.is_logarithmic:
            self.low, self.high = math.log10(self.least) - 0.05, math.log10(self.most) + 0.05
        else:
            self.low, self.high = min(0, self.least * 1.05), max(0, self.most * 1.05) or 1

    def __call__(self, value: float) -> float:
        place = math.log10(value) if self.is_logarithmic else value
        return NAME_WIDTH + (place - self.low) / (self.high - self.low) * (WIDTH - NAME_WIDTH - VALUE_WIDTH)

    def ticks(self) -> list[float]:
        if self.is_logarithmic:
            return [10.0 ** power for power in range(math.ceil(self.low), math.floor(self.high) + 1)]
        step = nice_step((self.high - self.low) / 5)
        return [index * step for index in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def nice_step(rough: float) -> float:
    magnitude = 10 ** math.floor(math.log10(rough))
    return next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough)


def kind_of(name: str) -> str:
    return "gyre" if name.startswith("gyre") else "c" if name.startswith("c-") else "peer"


def draw(summary: dict[str, dict], metric: Metric) -> str:
    spreads = {name: figures[metric.column] for name, figures in summary.items() if metric.column in figures}
    if not spreads:
        return f'<p class="faint">Not measured: {escape(metric.title)}.</p>'
    names = sorted(spreads, key=lambda name: spreads[name]["median"])
    scale = Scale([value for spread in spreads.values() for value in spread["all"]]
                  + ([metric.mark] if metric.mark else []))
    height = TOP + ROW * len(names) + BOTTOM
    rows = [row(name, spreads[name], index, scale, metric) for index, name in enumerate(names)]
    return (f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(metric.title)}">'
            f"{axis(scale, metric, height)}{''.join(rows)}</svg>"
            f"<figcaption>{escape(metric.title)}, {escape(metric.unit)}"
            f"{', logarithmic' if scale.is_logarithmic else ''}</figcaption>")


def axis(scale: Scale, metric: Metric, height: int) -> str:
    bottom = height - BOTTOM
    parts = []
    for tick in scale.ticks():
        x = scale(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>'
                     f'<text class="axis" text-anchor="middle" x="{x:.1f}" y="{bottom + 16}">{tick:,.6g}</text>')
    if metric.mark:
        x = scale(metric.mark)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>')
    return "".join(parts)


def row(name: str, spread: dict, index: int, scale: Scale, metric: Metric) -> str:
    y = TOP + ROW * index + ROW / 2
    middle = scale(spread["median"])
    dots = "".join(f'<circle cx="{scale(value):.1f}" cy="{y + offset(number)}" r="3">'
                   f"<title>{escape(name)}: {value:{metric.form}} {escape(metric.unit)}</title></circle>"
                   for number, value in enumerate(spread["all"]))
    return (f'<g class="{kind_of(name)}"><text text-anchor="end" x="{NAME_WIDTH - 10}" y="{y + 4}">{escape(name)}</text>'
            f'<line class="span" x1="{scale(spread["least"]):.1f}" x2="{scale(spread["most"]):.1f}" y1="{y}" y2="{y}"/>'
            f'{dots}<line class="median" x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 8}" y2="{y + 8}"/>'
            f'<text class="value" x="{WIDTH - VALUE_WIDTH + 12}" y="{y + 4}">{spread["median"]:{metric.form}}'
            f" {escape(metric.unit)}</text></g>")


def offset(number: int) -> int:
    """Apart, so that dots of equal runs don't hide each other."""
    return (number * 2) % 5 - 2
