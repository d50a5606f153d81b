"""Draw the curves of a run's log.jsonl: loss and accuracy of the batch, and accuracy on held-out puzzles, by step.

    python plot.py RUN/log.jsonl [RUN2/log.jsonl ...] -o curves.svg

The picture is made of plain SVG elements; nothing is installed for it.
"""
import argparse
import html
import json
import pathlib

WIDTH, HEIGHT, LEFT, TOP, PANEL = 760, 250, 60, 34, 190
COLORS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")


def read(paths):
    """Curves of one or several logs in a row: {name: [(step, value)]}. A run that was resumed is one log."""
    loss, batch, held = {}, {}, {}
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            entry = json.loads(line)
            step = entry["step"]
            for name in ("loss", "exact", "cells"):
                if name in entry:
                    (loss if name == "loss" else batch).setdefault(name if name == "loss" else f"{name}, batch", []).append((step, entry[name]))
            for name, value in entry.items():
                if isinstance(value, list):
                    held.setdefault(f"exact, {name}", []).append((step, value[0]))
    return {"loss": loss, "share right in the batch": batch, "share of held-out puzzles solved": held}


def smoothed(points, most=200):
    """At most so many points, each the mean of its neighbours."""
    size = -(-len(points) // most)
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(g[-1][0], sum(v for _, v in g) / len(g)) for g in groups]


def panel(title, curves, top, last):
    """One diagram: title, axes, legend, curves."""
    values = [v for points in curves.values() for _, v in points]
    high = 1.0 if title.startswith("share") else max(values) * 1.05
    x = lambda step: LEFT + (WIDTH - LEFT - 170) * step / last
    y = lambda value: top + TOP + PANEL * (1 - min(1, value / high))
    out = [f'<text x="{LEFT}" y="{top + 20}" class="title">{html.escape(title)}</text>']
    for i in range(5):
        value = high * i / 4
        out.append(f'<line x1="{LEFT}" x2="{x(last)}" y1="{y(value):.1f}" y2="{y(value):.1f}" class="grid"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
        out.append(f'<text x="{x(last * i / 4):.1f}" y="{top + TOP + PANEL + 16}" text-anchor="middle">{round(last * i / 4):,}</text>')
    for (name, points), color in zip(curves.items(), COLORS * 9):
        line = " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in smoothed(points))
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.6"/>')
        if len(points) < 40:
            out += [f'<circle cx="{x(s):.1f}" cy="{y(v):.1f}" r="2.2" fill="{color}"/>' for s, v in points]
    for i, (name, color) in enumerate(zip(curves, COLORS * 9)):
        at = top + TOP + 10 + 18 * i
        out.append(f'<rect x="{WIDTH - 155}" y="{at - 8}" width="12" height="3" fill="{color}"/><text x="{WIDTH - 138}" y="{at - 3}">{html.escape(name)}</text>')
    return out


def draw(paths, title):
    panels = [(t, c) for t, c in read(paths).items() if c]
    if not panels:
        raise SystemExit("nothing to draw: the log has no lines yet")
    last = max(points[-1][0] for _, curves in panels for points in curves.values())
    height = HEIGHT * len(panels) + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}">',
           "<style>text{font:12px sans-serif;fill:#24292f}.title{font-weight:bold;font-size:14px}.grid{stroke:#d0d7de;stroke-width:1}</style>",
           f'<rect width="{WIDTH}" height="{height}" fill="#fff"/><text x="{LEFT}" y="24" class="title">{html.escape(title)}</text>']
    for i, (name, curves) in enumerate(panels):
        out += panel(name, curves, 30 + i * HEIGHT, last)
    return "\n".join(out) + "\n</svg>\n"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("logs", nargs="+")
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--title", default="Training by optimiser step")
    a = p.parse_args()
    pathlib.Path(a.output).write_text(draw(a.logs, a.title))


if __name__ == "__main__":
    main()
