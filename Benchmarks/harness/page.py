"""Results as one page that needs nothing else: charts in SVG, light and dark.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

from html import escape

from . import chart
from .counts import FIGURES
from .kinds import SERVER, Kind, Metric
from .workloads import PROTOCOLS, WORKLOADS

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2430; --faint: #6b7685; --line: #d9dee5; --card: #f6f8fa;
  --gyre: #d0470c; --c: #2f6fb4; --peer: #66717f; --good: #d9efdf; --bad: #f7dfd9; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e3e8ef; --faint: #95a1b1; --line: #2c3541;
  --card: #1a2028; --gyre: #ff8a50; --c: #6cb0f5; --peer: #9aa7b7; --good: #1d3a28; --bad: #45261f; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 68rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin: 0 0 .2rem; }
p, li { max-width: 50rem; } .faint, figcaption, dt { color: var(--faint); font-size: .88rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0;
  overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .88rem; } dd { margin: 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } .good { background: var(--good); } .bad { background: var(--bad); }
nav { position: sticky; top: 0; background: var(--paper); padding: .6rem 0; z-index: 1; }
select { font: inherit; padding: .2rem .4rem; }
svg { display: block; width: 100%; min-width: 36rem; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .axis { fill: var(--faint); font-size: 11px; } svg line.grid { stroke: var(--line); }
svg line.mark { stroke: var(--faint); stroke-dasharray: 4 3; } svg .value { font-variant-numeric: tabular-nums; }
.gyre { --own: var(--gyre); } .c { --own: var(--c); } .peer { --own: var(--peer); }
svg .span { stroke: var(--own); stroke-width: 2; opacity: .35; } svg .median { stroke: var(--own); stroke-width: 3; }
svg circle { fill: var(--own); opacity: .55; } svg .gyre text { font-weight: 600; }
body:not([data-metric]) figure[data-metric]:not([data-metric="server_total_us"]) { display: none; } figure { margin: .4rem 0; }
"""

SCRIPT = """
const select = document.querySelector("select");
const show = () => document.querySelectorAll("figure[data-metric]").forEach(
  (figure) => { figure.hidden = figure.dataset.metric !== select.value; });
document.body.dataset.metric = "";
select.addEventListener("change", show);
show();
"""


def table(header: list[str], rows: list[str]) -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def definition_list(pairs: dict[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs.items()) + "</dl>"


def ratio_cell(summary: dict) -> str:
    if "ratio" not in summary:
        return "<td>–</td>"
    ratio = summary["ratio"]
    kind = "good" if ratio["median"] < 0.98 else "bad" if ratio["median"] > 1.02 else ""
    return f'<td class="{kind}" title="{ratio["least"]:.2f} to {ratio["most"]:.2f}">{ratio["median"]:.2f}</td>'


def overview(suites: dict[str, dict], protocol: str) -> str:
    found = {name: suite for name, suite in suites.items() if WORKLOADS[name].protocol == protocol}
    if not found:
        return ""
    subjects = {suite["subject"] for suite in found.values()}
    peers = dict.fromkeys(peer for suite in found.values() for peer in suite["summary"] if peer not in subjects)
    rows = [f"<tr><td>{escape(peer)}</td>"
            + "".join(ratio_cell(suite["summary"].get(peer, {})) for suite in found.values()) + "</tr>"
            for peer in peers]
    is_growth = all(WORKLOADS[name].kind.is_growth for name in found)
    title = f"CPU, {'peer ÷ ' if is_growth else ''}{' / '.join(sorted(subjects))}{'' if is_growth else ' ÷ peer'}"
    return f"<section><h2>{escape(title)}</h2>{table(['peer', *found], rows)}</section>"


def choice(kind: Kind, metric: Metric) -> str:
    """Servers have so many charts that the reader chooses one."""
    return f' data-metric="{metric.column}"' if kind is SERVER else ""


def suite_section(name: str, suite: dict) -> str:
    kind = WORKLOADS[name].kind
    charts = "".join(f"<figure{choice(kind, metric)}>{chart.draw(suite['summary'], metric)}</figure>"
                     for metric in kind.metrics)
    notes = "".join(f'<p class="faint">Note: {escape(note)}</p>' for note in suite["notes"])
    count = len(suite["rounds"])
    length = f" of {suite['seconds']:g} s a run" if kind is SERVER else ""
    about = (f"{kind.one}: {suite['unit']}. {count} round{'s' * (count != 1)}{length}. "
             "A dot is a run, the tick is the median.")
    return (f'<section id="{name}"><h2>{escape(suite["title"])}</h2><p class="faint">{escape(about)}</p>'
            f"{charts}{notes}</section>")


def counts_section(counts: dict[str, dict]) -> str:
    if not counts:
        return ""

    def cell(value: float | None) -> str:
        return "<td>–</td>" if value is None else f"<td>{value:,.0f}</td>" if value >= 100 else f"<td>{value:.3f}</td>"

    rows = [f"<tr><td>{escape(peer)}</td>" + "".join(cell(figures.get(name)) for name in FIGURES) + "</tr>"
            for peer, figures in counts.items()]
    header = ["variant", *(title for title, _ in FIGURES.values())]
    return f"<section><h2>Counted, at 100 connections of 64 bytes</h2>{table(header, rows)}</section>"


def document(results: dict) -> str:
    options = "".join(f'<option value="{metric.column}">{escape(metric.title)}</option>' for metric in SERVER.metrics)
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>Gyre, measured</title><style>{STYLE}</style><body>",
        f'<h1>Gyre, measured</h1><p class="faint">{escape(results["date"])}</p><p>{escape(results["method"])}</p>',
        *(overview(results["suites"], protocol) for protocol in PROTOCOLS),
        f"<nav><label>Charts show <select>{options}</select></label></nav>",
        *(suite_section(name, suite) for name, suite in results["suites"].items()),
        counts_section(results.get("counts", {})),
        f"<section><h2>Variants</h2>{definition_list({name: peer['about'] for name, peer in results['peers'].items()})}",
        f"</section><section><h2>Versions</h2>{definition_list(results['versions'])}</section>",
        f"<script>{SCRIPT}</script></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"
