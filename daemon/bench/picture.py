"""Draws measured figures over the number of files, as SVG text that fits a light and a dark page."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, PANEL_HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 70, 620, 40, 200
"""Where the axes of a panel lie, from its upper left corner."""

MARGIN = 45
"""How far the first and the last point are from the ends of the axis, so that their labels have room."""

_STYLE = """
  text { font: 13px sans-serif; fill: #24292f; }
  .title { font-weight: bold; }
  .axis { stroke: #57606a; } .grid { stroke: #d0d7de; }
  .line { fill: none; stroke: #0969da; stroke-width: 2; } .point { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .axis { stroke: #8b949e; } .grid { stroke: #30363d; }
    .line { stroke: #58a6ff; } .point { fill: #58a6ff; }
  }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One curve: points of a number of files, at least 1, and a figure in this unit."""

    title: str
    unit: str
    points: Sequence[tuple[int, float]]


def draw(title: str, panels: Sequence[Panel]) -> str:
    """Return the panels below each other. The number of files grows tenfold from line to line."""
    height = 30 + PANEL_HEIGHT * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        _text(WIDTH / 2, 22, title, "middle", "title"),
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {30 + PANEL_HEIGHT * number})">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel) -> Iterator[str]:
    counts = [count for count, _ in panel.points]
    first, last = math.floor(math.log10(min(counts))), math.ceil(math.log10(max(counts)))
    last = max(last, first + 1)
    step, top = _scale(max(value for _, value in panel.points))

    def across(count: float) -> float:
        share = (math.log10(count) - first) / (last - first)
        return LEFT + MARGIN + (RIGHT - LEFT - 2 * MARGIN) * share

    def up(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * value / top

    yield _text(LEFT, TOP - 16, f"{panel.title}, {panel.unit}", "start", "title")
    for power in range(first, last + 1):
        x = across(10**power)
        yield _line(x, TOP, x, BOTTOM, "grid")
        yield _text(x, BOTTOM + 18, f"{10**power:,}", "middle")
    for number in range(round(top / step) + 1):
        y = up(number * step)
        yield _line(LEFT, y, RIGHT, y, "axis" if number == 0 else "grid")
        yield _text(LEFT - 8, y + 4, f"{number * step:g}", "end")
    yield _text((LEFT + RIGHT) / 2, BOTTOM + 36, "number of files", "middle")
    places = [(across(count), up(value)) for count, value in panel.points]
    yield f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
    for (x, y), (_, value) in zip(places, panel.points, strict=True):
        yield f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        yield _text(x, y - 9, f"{value:.3g}", "middle")


def _scale(most: float) -> tuple[float, float]:
    """Return the step of the lines, 1, 2 or 5 times a power of ten, and the value of the top one."""
    least_step = most / 4
    power = 10 ** math.floor(math.log10(least_step))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least_step)
    return step, step * math.ceil(1.15 * most / step)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str | None = None) -> str:
    styled = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{styled}>{escape(text)}</text>'
