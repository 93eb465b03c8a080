"""The page's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from benchmarks import BARE, DBT, HTTP, IDLE, OURS
from benchmarks.page import Results
from benchmarks.runs import Run

COLORS = {OURS: "#0072b2", HTTP: "#d55e00", DBT: "#008060", BARE: "#6b6b6b"}
GREY = "#6b6b6b"
mpl.use("svg")
mpl.rcParams.update(
    {
        "axes.edgecolor": GREY,
        "axes.grid": True,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 11,
        "axes.axisbelow": True,
        "figure.facecolor": "white",
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "grid.color": "#e4e4e4",
        "svg.hashsalt": "benchmarks",
        "xtick.color": GREY,
        "xtick.labelcolor": "black",
        "ytick.color": GREY,
        "ytick.labelcolor": "black",
    }
)


def draw_night(path: Path, runs: Sequence[Run]) -> None:
    """Requests for a job beside the delay with which its end is noticed, a row for each contender."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 0.5 * len(runs) + 1.3), sharey=True, layout="constrained")
    names = [run.name for run in runs]
    colors = [COLORS[name] for name in names]
    bars = left.barh(names, [run.polls for run in runs], color=colors, height=0.5)
    left.bar_label(bars, fmt="%.1f", padding=4)
    left.set(title="Requests per job", xlabel="requests")
    left.margins(x=0.15)
    left.invert_yaxis()
    for run, color in zip(runs, colors, strict=True):
        right.plot([run.delay, run.worst_delay], [run.name] * 2, color=color, linewidth=2.5)
        for value, fill, side in ((run.delay, color, "right"), (run.worst_delay, "white", "left")):
            right.plot(value, run.name, "o", color=color, markerfacecolor=fill, markersize=9, markeredgewidth=2)
            shift = 9 if side == "left" else -9
            right.annotate(
                f"{value:.1f}", (value, run.name), (shift, 0), textcoords="offset points", ha=side, va="center"
            )
    right.set(title="Detection delay: ● median, ○ 99th percentile", xlabel="seconds")
    right.margins(x=0.2)
    right.set_xlim(left=0)
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    _save(figure, path)


def draw_bursts(path: Path, results: Results) -> None:
    """Memory and stalls against the number of jobs, a line for each contender."""
    memory: dict[str, list[tuple[int, float]]] = {name: [] for name in COLORS}
    stalls: dict[str, list[tuple[int, float]]] = {name: [] for name in COLORS}
    for (name, jobs), run in results.bursts.items():
        if name != IDLE:
            memory[name].append((jobs, max(results.memory(name, jobs) * jobs / 1024, 0.1)))
            stalls[name].append((jobs, run.stall * 1e3))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    left.set(title="Memory beyond that of idle triggers", ylabel="MiB")
    _lines(left, memory)
    right.set(title="Longest stall of the event loop", ylabel="milliseconds")
    _lines(right, stalls)
    _save(figure, path)


def _lines(axes: Axes, lines: dict[str, list[tuple[int, float]]]) -> None:
    axes.set(xscale="log", yscale="log", xlabel="jobs waited for")
    for name, line in lines.items():
        axes.plot(*zip(*line, strict=True), "o-", color=COLORS[name], linewidth=2, markersize=5)
    numbers = sorted({jobs for line in lines.values() for jobs, _ in line})
    axes.set_xticks(numbers, [f"{jobs:,}" for jobs in numbers])
    axes.minorticks_off()
    axes.set_xlim(numbers[0] / 1.5, numbers[-1] * 12)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    above = 0.0
    for name, line in sorted(lines.items(), key=lambda item: item[1][-1][1]):
        jobs, value = line[-1]
        height = axes.transData.transform((jobs, value))[1]
        above = max(height, above + 15)
        axes.annotate(
            name,
            (jobs, value),
            (8, (above - height) * 72 / axes.figure.dpi),
            textcoords="offset points",
            color=COLORS[name],
            va="center",
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
