"""A picture for each kind of evidence. Nothing here needs Spark.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which colour-blind readers can tell
apart; every picture brings its own white ground, so it reads the same in a dark theme.
"""

from __future__ import annotations

import base64
import io
import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import Bbox

from sparklimits.measurement.pairs import BASELINE, CANDIDATE
from sparklimits.spark.counters import Counters, Task

if TYPE_CHECKING:
    from sparklimits.measurement.result import Result

NAIVE, FIXED, QUIET = "#D55E00", "#0072B2", "#9A9A9A"
#: Orange marks what is more than so many times the middle one.
FAR = 3
_LABELS = {BASELINE: "naive", CANDIDATE: "yours"}
_COLOURS = {BASELINE: NAIVE, CANDIDATE: FIXED}


class Picture(Figure):
    """A figure that a notebook shows as the last line of a cell, whatever its plotting settings are."""

    def __init__(self, width: float, height: float) -> None:
        """``width`` and ``height`` in inches."""
        super().__init__(figsize=(width, height), facecolor="white", layout="constrained")

    def _repr_png_(self) -> bytes:
        return as_png(self)


def timeline(counters: Counters, title: str = "", executors: int = 1) -> Picture:
    """Every task as a bar over time, one lane for each executor; a straggler is marked.

    There are lanes for at least so many ``executors``: one that had nothing to do stays empty.
    """
    figure, axes = _figure(7.5, 2.0)
    _draw_timeline(axes, counters, executors)
    axes.set_title(title)
    return figure


def task_records(counters: Mapping[str, Counters], title: str = "") -> Picture:
    """The records that each task of the straggler's stage handled, heaviest first, one panel for each way."""
    figure, panels = _panels(len(counters), max(7.5, 2.5 * len(counters)), 2.6)
    stages = [part.straggler() for part in counters.values()]
    top = max(task.records for tasks in stages for task in tasks or [_EMPTY])
    for axes, (name, part) in zip(panels, counters.items(), strict=True):
        records = sorted((task.records for task in part.straggler()), reverse=True)
        ratio = part.straggler_ratio()
        _draw_bars(axes, records, middle=max(records, default=0) / ratio, room=max(map(len, stages)))
        axes.set_yscale("log")
        axes.set_ylim(1, top * 2)
        axes.yaxis.set_major_locator(LogLocator(numticks=20))  # a label at each power of ten
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="y", color=QUIET, linewidth=0.4, zorder=0)
        axes.set_axisbelow(True)
        axes.set_title(f"{name}\nheaviest / median = {ratio:,.1f}", fontsize="medium")
        axes.set_xlabel("task, heaviest first")
    panels[0].set_ylabel("records (log scale)")
    if title:
        figure.suptitle(title)
    return figure


def partition_sizes(sizes: Mapping[str, Sequence[int]], title: str = "") -> Picture:
    """Rows in each partition, largest first, one panel for each way of partitioning."""
    figure, panels = _panels(len(sizes), max(3.5, 2.1 * len(sizes)), 2.6)
    room = max(map(len, sizes.values()))
    for axes, (name, counts) in zip(panels, sizes.items(), strict=True):
        _draw_bars(axes, sorted(counts, reverse=True), statistics.median(counts), room)
        axes.set_title(name, fontsize="medium")
        axes.set_xlabel("partition, largest first")
    panels[0].set_ylabel("rows")
    panels[0].yaxis.set_major_formatter("{x:,.0f}")
    if title:
        figure.suptitle(title)
    return figure


def trade_off(points: Sequence[tuple[str, float, float]], limit: float, title: str = "") -> Picture:
    """Points (label, seconds, error as a share) and the largest error that is allowed."""
    figure, axes = _figure(6.0, 3.2)
    right = 1.15 * max(seconds for _, seconds, _ in points)
    top = 118 * max(limit, *(error for _, _, error in points))
    for _, seconds, error in points:
        axes.plot(seconds, 100 * error, "o", color=FIXED if error <= limit else NAIVE)
    line = axes.axhline(100 * limit, color=QUIET, linestyle="--", zorder=0)
    allowed = axes.annotate(
        "allowed", (1, 100 * limit), xycoords=("axes fraction", "data"), xytext=(-4, 3),
        textcoords="offset points", ha="right",
    )  # fmt: skip
    axes.set_xlim(0, right)
    axes.set_ylim(-0.1 * top, top)  # room for labels under the lowest points
    axes.set_xlabel("seconds")
    axes.set_ylabel("error of the counts (%)")
    axes.set_title(title)
    figure.draw_without_rendering()  # fixes where everything lies
    _label_points(axes, [(label, seconds, 100 * error) for label, seconds, error in points], line, allowed)
    return figure


def bars(values: Mapping[str, float], label: str, title: str = "", more_is_better: bool = False) -> Picture:
    """One bar for each way, in the order of ``values``, with its value beside it; the largest is marked as a cost.

    ``label`` names the axis with its unit, as in "shuffle, MB". Where ``more_is_better`` nothing is marked.
    """
    figure, axes = _figure(7.0, 0.9 + 0.42 * len(values))
    names = list(values)
    places = range(len(names))
    top = max(values.values(), default=0.0)
    colours = [NAIVE if value == top and not more_is_better else FIXED for value in values.values()]
    axes.barh(places, list(values.values()), height=0.65, color=colours)
    for place, value in zip(places, values.values(), strict=True):
        axes.text(
            value + 0.01 * top, place, f"{value:,.3g}" if value < 1000 else f"{value:,.0f}", va="center"
        )
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * top or 1)
    axes.set_xlabel(label)
    axes.set_title(title)
    return figure


#: More colours of the same set, and line styles that tell lines apart without colour.
_LINES = (("#D55E00", "-"), ("#0072B2", "-"), ("#009E73", "--"), ("#CC79A7", "-."), ("#000000", ":"))


#: With more lines than this, their names stand beside the picture: inside they would lie on a line.
_INSIDE = 3


def curves(
    lines: Mapping[str, Sequence[tuple[float, float]]],
    x: str,
    y: str,
    target: float | None = None,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    top: float | None = None,
    target_name: str = "target",
) -> Picture:
    """Lines of (x, y) points, at most five, each with its own colour and style; ``target`` is a dashed line.

    ``x`` and ``y`` name the axes with their units. Lines that run away leave the picture at ``top``.
    """
    figure, axes = _figure(7.5, 3.4)
    for (name, points), (colour, style) in zip(lines.items(), _LINES, strict=False):
        axes.plot(*zip(*points, strict=True), style, color=colour, marker=".", label=name)
    if target is not None:
        axes.axhline(target, color=QUIET, linestyle="--", zorder=0, label=f"{target_name} {target:.3g}")
    if log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    if log_y:
        axes.set_yscale("log")
    if top is not None:
        lowest = min(target or top, *(y for points in lines.values() for _, y in points))
        axes.set_ylim(lowest - 0.05 * (top - lowest), top)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title)
    if len(lines) > _INSIDE:
        figure.legend(frameon=False, loc="outside right upper")
    else:
        axes.legend(frameon=False)
    return figure


def comparison(result: Result) -> Picture:
    """Both task timelines on one time axis, and the paired times."""
    joined = {arm: _one_after_another(result.arms[arm].counters) for arm in (BASELINE, CANDIDATE)}
    if not any(part.tasks for part in joined.values()):  # nothing ran on the cluster
        figure, paired = _figure(4.5, 3.6)
        _draw_pairs(paired, result)
        return figure
    figure = Picture(9.0, 3.6)
    grid = figure.add_gridspec(2, 2, width_ratios=[2.4, 1])
    ends = 0.0
    lanes = []
    executors = max(len({task.executor for task in part.tasks}) for part in joined.values())
    for row, arm in enumerate(joined):
        axes = figure.add_subplot(grid[row, 0])
        ends = max(ends, _draw_timeline(axes, joined[arm], executors))
        axes.set_title(f"{_LABELS[arm]}: tasks over time", loc="left")
        lanes.append(axes)
    for axes in lanes:
        axes.set_xlim(0, ends * 1.03)
    lanes[1].set_xlabel(max((axes.get_xlabel() for axes in lanes), key=len))
    lanes[0].set_xlabel("")
    _draw_pairs(figure.add_subplot(grid[:, 1]), result)
    return figure


def as_png(figure: Figure) -> bytes:
    """The picture as a PNG file's bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def as_html(figure: Figure) -> str:
    """The picture as an HTML image that needs no other file."""
    return f"<img alt='' src='data:image/png;base64,{base64.b64encode(as_png(figure)).decode()}'>"


_EMPTY = Task(0, "", 0.0, 0.0, 0, 0, 1, 0, 0, 0, 0, 0, 0.0, 0)


def _figure(width: float, height: float) -> tuple[Picture, Axes]:
    figure = Picture(width, height)
    return figure, figure.add_subplot()


def _panels(count: int, width: float, height: float) -> tuple[Picture, list[Axes]]:
    figure = Picture(width, height)
    return figure, list(figure.subplots(1, count, sharey=True, squeeze=False)[0])


def _draw_pairs(paired: Axes, result: Result) -> None:
    """Draws the seconds of both ways, a line for each pair."""
    for slow, fast in zip(result.seconds[BASELINE], result.seconds[CANDIDATE], strict=True):
        paired.plot([0, 1], [slow, fast], color=QUIET, linewidth=1, zorder=1)
    for position, arm in enumerate((BASELINE, CANDIDATE)):
        values = result.seconds[arm]
        paired.scatter([position] * len(values), values, color=_COLOURS[arm], zorder=2)
    paired.set_xticks([0, 1], [_LABELS[BASELINE], _LABELS[CANDIDATE]])
    paired.set_xlim(-0.4, 1.4)
    paired.set_ylim(bottom=0)
    paired.set_ylabel("seconds")
    paired.set_title(f"{result.pairs} pairs: {result.speedup:.2f}× [{result.low:.2f}, {result.high:.2f}]")


def _draw_timeline(axes: Axes, counters: Counters, at_least: int = 1) -> float:
    """Draws the tasks, the first executor on top, and returns the end of the last one, in seconds."""
    found = {task.executor for task in counters.tasks}
    idle = (str(number) for number in range(at_least) if str(number) not in found)
    found.update(itertools.islice(idle, max(0, at_least - len(found))))
    executors = sorted(found, key=lambda name: (len(name), name))
    skewed = counters.straggler_ratio() > FAR
    marked = max(counters.straggler(), key=lambda task: task.seconds) if skewed else None
    end = 0.0
    for task in counters.tasks:
        lane = -executors.index(task.executor)
        colour = NAIVE if task is marked else FIXED
        axes.barh(
            lane, task.seconds, left=task.start, height=0.7, color=colour, edgecolor="white", linewidth=0.4
        )
        end = max(end, task.start + task.seconds)
    axes.set_xlim(0, 1.03 * end or 1)
    axes.set_yticks([-lane for lane in range(len(executors))], [f"executor {name}" for name in executors])
    axes.set_ylim(0.5 - len(executors), 0.5)
    axes.set_xlabel("seconds (orange: the longest task of the heaviest stage)" if marked else "seconds")
    return end


def _draw_bars(axes: Axes, values: Sequence[int], middle: float, room: int) -> None:
    """Draws a bar for each value, in the warning colour when it is far above the middle one."""
    places = range(1, len(values) + 1)
    axes.bar(places, values, color=[NAIVE if value > FAR * middle else FIXED for value in values])
    axes.set_xlim(0.3, max(room, 4) + 0.7)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _label_points(axes: Axes, points: Sequence[tuple[str, float, float]], *taken: Artist) -> None:
    """Writes each label beside its point, where it lies on no other text and on no point.

    A label that finds room only farther away gets a line to its point.
    """
    used = [artist.get_window_extent() for artist in taken]
    used += [
        Bbox.from_bounds(x - 5, y - 5, 10, 10)
        for x, y in axes.transData.transform([(x, y) for _, x, y in points])
    ]
    near = [(side * 6, height) for height in (4, -12) for side in (1, -1)]
    far = [
        (side * across, height) for across in (24, 70, 110) for height in (18, 4, -12, 32) for side in (1, -1)
    ]
    for label, x, y in points:
        for across, up in near + far:
            text = axes.annotate(
                label, (x, y), xytext=(across, up), textcoords="offset points", zorder=3,
                ha="left" if across > 0 else "right",
                arrowprops={"arrowstyle": "-", "color": QUIET, "relpos": (0 if across > 0 else 1, 0.5)}
                if (across, up) in far else None,
            )  # fmt: skip
            text.set_in_layout(False)
            text.get_window_extent()  # puts the text in its place; its own answer includes the line
            box = Text.get_window_extent(text)
            inside = axes.bbox.count_contains([box.min, box.max]) == 2
            if inside and not box.count_overlaps(used):
                break
            if (across, up) != far[-1]:
                text.remove()
        used.append(box)


def _one_after_another(parts: Mapping[str, Counters]) -> Counters:
    """The functions' tasks on one time axis, each function starting where the one before ended."""
    joined = Counters()
    offset = 0.0
    for part in parts.values():
        joined.tasks += [replace(task, start=task.start + offset) for task in part.tasks]
        offset = max((task.start + task.seconds for task in joined.tasks), default=offset)
    return joined
