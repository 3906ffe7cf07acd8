"""Charts as SVG elements in the page's own colours; each says in words what it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from components.dataset_report.histogram import Histogram

_WIDTH = 360
# Readable on a light and on a dark ground, and apart for people who see few colours (Okabe and Ito 2008).
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#f0e442")


def histogram(found: Histogram, name: str, unit: str, series: int = 0, trim: bool = True) -> Markup:
    """Bars of one series; `trim` leaves out empty bins at both ends."""
    counts, edges = found.counts[series], found.edges
    if trim and counts.any():
        used = np.flatnonzero(counts)
        low, high = max(used[0] - 1, 0), min(used[-1] + 2, len(counts))
        counts, edges = counts[low:high], edges[low : high + 1]
    height, left, floor = 156, 8, 122
    step = (_WIDTH - 2 * left) / len(counts)
    most = max(int(counts.max()), 1)
    body = [
        _rect(left + i * step + 0.5, floor - 108 * c / most, max(step - 1, 0.5), 108 * c / most, "var(--mark)")
        for i, c in enumerate(counts)
        if c
    ]
    body.append(_line(left, floor, _WIDTH - left, floor))
    scale = (_WIDTH - 2 * left) / (edges[-1] - edges[0])
    tick_step = _round_step(edges[-1] - edges[0])
    for tick in tick_step * np.arange(math.ceil(edges[0] / tick_step - 1e-9), edges[-1] / tick_step + 1e-9):
        x = left + (tick - edges[0]) * scale
        body += [
            _line(x, floor, x, floor + 4),
            _text(min(max(x, 14), _WIDTH - 14), floor + 15, f"{tick:.4g}", "middle"),
        ]
    body.append(_text(_WIDTH / 2, floor + 27, unit, "middle"))
    low, middle, high = found.quantiles((0.05, 0.5, 0.95))[series]
    said = f"{name}: median {middle:.3g}, 5 % below {low:.3g} and 5 % above {high:.3g} {unit}; {found.total} values"
    return _svg(_WIDTH, height, said, body)


def ranges(found: Histogram, names: Sequence[str], name: str, unit: str) -> Markup:
    """A row for each series: 1st to 99th percentile as a line, the middle half as a bar, the median as a tick."""
    row, left, right = 17, 84, 12
    height = row * len(names) + 34
    quantiles = np.nan_to_num(found.quantiles((0.01, 0.25, 0.5, 0.75, 0.99)))
    low, high = min(0.0, float(quantiles.min())), max(float(quantiles.max()), 1e-6)
    # Round numbers at the axis.
    step = _round_step(high - low)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (_WIDTH - left - right)

    body = []
    for tick in np.arange(low, high + step / 2, step):
        body += [_line(at(tick), 4, at(tick), height - 30), _text(at(tick), height - 17, f"{tick:g}", "middle")]
    for i, (label, (p1, p25, p50, p75, p99)) in enumerate(zip(names, quantiles, strict=True)):
        y = 4 + row * (i + 0.5)
        body += [
            _text(left - 6, y + 4, label.replace("_", " "), "end"),
            _line(at(p1), y, at(p99), y, "var(--mark)", 1.5),
            _rect(at(p25), y - 4, max(at(p75) - at(p25), 1), 8, "var(--mark-soft)"),
            _line(at(p50), y - 6, at(p50), y + 6, "var(--other)", 2),
        ]
    body.append(_text((left + _WIDTH - right) / 2, height - 4, unit, "middle"))
    widest = sorted(zip(names, quantiles[:, 4] - quantiles[:, 0], strict=True), key=lambda pair: -pair[1])[:3]
    said = f"{name}: 1st to 99th percentile and middle half; widest: " + ", ".join(
        f"{label} {width:.3g} {unit}" for label, width in widest
    )
    return _svg(_WIDTH, height, said, body)


def rose(found: Histogram, name: str) -> Markup:
    """Azimuths in degrees about a person seen from above, who faces down the page, with its own left to the right."""
    size, reach = 320, 104
    centre = size / 2
    counts = found.counts[0]
    most = max(int(counts.max()), 1)
    # Equal numbers get equal areas.
    radii = reach * np.sqrt(counts / most)
    body = [_circle(centre, centre, reach * share) for share in (0.5, 1.0)]
    for first, last, radius in zip(found.edges[:-1], found.edges[1:], radii, strict=True):
        if radius:
            (x0, y0), (x1, y1) = (
                (centre + radius * math.sin(a), centre + radius * math.cos(a)) for a in np.radians((first, last))
            )
            path = f"M{centre:g},{centre:g}L{x0:.1f},{y0:.1f}A{radius:.1f},{radius:.1f} 0 0 0 {x1:.1f},{y1:.1f}Z"
            body.append(f'<path d="{path}" fill="var(--mark)"/>')
    for label, x, y in (("front", 0, 1), ("its left", 1, 0), ("back", 0, -1), ("its right", -1, 0)):
        anchor = {0: "middle", 1: "end", -1: "start"}[x]
        body.append(_text(centre + x * 0.99 * centre, centre + y * (reach + 16) + 4 - 14 * abs(x), label, anchor))
    quarters = {"front": 0.0, "left": 90.0, "back": 180.0, "right": -90.0}
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    near = {q: counts[np.abs((middles - a + 180) % 360 - 180) < 45].sum() for q, a in quarters.items()}
    total = max(found.total, 1)
    said = f"{name}: " + ", ".join(f"{quarter} {count / total:.0%}" for quarter, count in near.items())
    return _svg(size, size, said, body)


def scatter(points: np.ndarray, groups: Sequence[str], name: str) -> Markup:
    """Points [N, 2] without axes, coloured by group; the commonest groups have colours of their own."""
    size, margin = 360, 12
    low, high = points.min(0), points.max(0)
    spread = max(float((high - low).max()), 1e-9)
    places = margin + (points - (low + high - spread) / 2) / spread * (size - 2 * margin)
    common = common_groups(groups)
    colours = {group: PALETTE[i % len(PALETTE)] for i, group in enumerate(common)}
    body = [
        f'<circle cx="{x:.1f}" cy="{size - y:.1f}" r="2.6" fill="{colours.get(group, PALETTE[6])}" fill-opacity=".7"/>'
        for (x, y), group in zip(places, groups, strict=True)
    ]
    return _svg(size, size, f"{name}: {len(points)} poses of {len(set(groups))} actions", body)


def common_groups(groups: Sequence[str], count: int = 6) -> list[str]:
    """The most common groups, by name where they are equally common."""
    return sorted(set(groups), key=lambda group: (-list(groups).count(group), group))[:count]


def _round_step(span: float, ticks: int = 5) -> float:
    power = 10 ** math.floor(math.log10(span / ticks))
    return next(power * k for k in (1, 2, 3, 5, 10) if power * k * ticks >= span)


def _svg(width: float, height: float, said: str, body: Sequence[str]) -> Markup:
    head = (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(said)}"><title>{escape(said)}</title>'
    )
    return Markup(head + "".join(body) + "</svg>")


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def _line(x0: float, y0: float, x1: float, y1: float, colour: str = "var(--line)", width: float = 1) -> str:
    return f'<path d="M{x0:.1f},{y0:.1f}L{x1:.1f},{y1:.1f}" stroke="{colour}" stroke-width="{width:g}" fill="none"/>'


def _circle(x: float, y: float, radius: float) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:.1f}" fill="none" stroke="var(--line)"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
