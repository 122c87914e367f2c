"""Every picture is drawn, says what its axes are in which unit, and marks what it should."""

import base64
import itertools
import re

import pytest
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from sparklimits.display import figures
from sparklimits.measurement.pairs import BASELINE, CANDIDATE
from sparklimits.spark.counters import Counters
from tests.hand_made import counters, job, result

NAIVE_JOB = counters()[BASELINE]["item_pairs"]
FIXED_JOB = counters()[CANDIDATE]["item_pairs"]
POINTS = [("everything", 6.1, 0.0), ("300", 1.7, 0.013), ("50", 0.9, 0.19)]
CLOSE_POINTS = [
    ("exact", 5.9, 0.0), ("at most 10", 1.95, 0.09), ("at most 30", 1.42, 0.034), ("at most 100", 1.3, 0.01),
    ("at most 300", 1.4, 0.006), ("at most 1000", 1.95, 0.006),
]  # fmt: skip

STEEP = [(8.0, 2e4), (64.0, 1.5e5), (512.0, 9e5), (2048.0, 2e6)]
LINE = [(1.0, 0.9), (2.0, 0.6), (5.0, 0.5), (9.0, 0.45)]

#: Each picture, and the axis labels that it must have (an empty one stands for a shared axis).
PICTURES = {
    "comparison": (lambda: figures.comparison(result()), {"seconds"}),
    "task_records": (
        lambda: figures.task_records({"naive": NAIVE_JOB, "yours": FIXED_JOB}, "item_pairs"),
        {"task, heaviest first", "records (log scale)"},
    ),
    "timeline": (lambda: figures.timeline(NAIVE_JOB, "item_pairs"), {"seconds"}),
    "partition_sizes": (
        lambda: figures.partition_sizes({"hash": [36_000, *[1000] * 15], "salted": [3300] * 16}, "rows"),
        {"partition, largest first", "rows"},
    ),
    "trade_off": (
        lambda: figures.trade_off(POINTS, 0.05, "sampling"),
        {"seconds", "error of the counts (%)"},
    ),
    "bars": (
        lambda: figures.bars({"naive": 935.2, "combined": 0.35, "broadcast": 31.0}, "shuffle, MB"),
        {"shuffle, MB"},
    ),
    "curves": (
        lambda: figures.curves(
            {"MLlib": LINE, "PyTorch": LINE[:3]}, "seconds", "held-out log loss", target=0.4
        ),
        {"seconds", "held-out log loss"},
    ),
    "curves with many lines, on log scales": (
        lambda: figures.curves(
            {f"bound {number}": STEEP for number in (1, 4, 16, 64)},
            "rows in a batch",
            "rows a second",
            log_x=True,
            log_y=True,
        ),
        {"rows in a batch", "rows a second"},
    ),
    "trade_off of close points": (
        lambda: figures.trade_off(CLOSE_POINTS, 0.05, "sampling"),
        {"seconds", "error of the counts (%)"},
    ),
}


def hex_of(patch):
    return colors.to_hex(patch.get_facecolor()).upper()


def bars(axes):
    return [(bar.get_height(), hex_of(bar)) for bar in axes.patches]


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_a_png(name):
    png = figures.as_png(PICTURES[name][0]())
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    assert 300 < width < 1300
    assert 150 < height < 600


@pytest.mark.parametrize("name", PICTURES)
def test_the_axes_are_labelled_with_units(name):
    make, expected = PICTURES[name]
    found = {
        label.split(" (orange")[0] for axes in make().axes for label in (axes.get_xlabel(), axes.get_ylabel())
    }
    assert found - {""} == expected


def shown_texts(figure):
    """Every text that is drawn: titles, labels, notes, and the tick labels within the axes' limits."""
    for axes in figure.axes:
        yield from (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts)
        for axis in (axes.xaxis, axes.yaxis):
            low, high = axis.get_view_interval()
            yield from (tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high)
    yield from figure.texts
    if figure._suptitle:
        yield figure._suptitle


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_lies_on_other_text_or_outside_the_picture(name):
    figure = PICTURES[name][0]()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = {text for text in shown_texts(figure) if text.get_text() and text.get_visible()}
    # Of a note only its text counts, not the line that leads to its point.
    boxes = [(text, Text.get_window_extent(text, canvas.get_renderer())) for text in texts]
    assert len(boxes) > 8
    for text, box in boxes:
        assert figure.bbox.padded(1).count_contains([(box.x0, box.y0), (box.x1, box.y1)]) == 2, text
    for (text, box), (other, its) in itertools.combinations(boxes, 2):
        assert not box.overlaps(its), f"{text} lies on {other}"


def test_the_timeline_has_a_bar_for_each_task_and_marks_the_straggler():
    (axes,) = figures.timeline(NAIVE_JOB).axes
    assert len(axes.patches) == len(NAIVE_JOB.tasks)
    (marked,) = [bar for bar in axes.patches if hex_of(bar) == figures.NAIVE]
    assert marked.get_width() == max(task.seconds for task in NAIVE_JOB.tasks)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["executor 0", "executor 1"]


def test_the_timeline_of_even_work_marks_no_task_and_starts_at_zero():
    (axes,) = figures.timeline(FIXED_JOB).axes
    assert {hex_of(bar) for bar in axes.patches} == {figures.FIXED}
    assert axes.get_xlabel() == "seconds"
    assert axes.get_xlim()[0] == 0.0


def test_an_executor_without_work_has_an_empty_lane():
    (axes,) = figures.timeline(job([100] * 4, executors=1), executors=2).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["executor 0", "executor 1"]
    assert {round(bar.get_y() + bar.get_height() / 2) for bar in axes.patches} == {0}


def test_executors_stand_in_the_order_of_their_numbers():
    (axes,) = figures.timeline(job([100] * 40, executors=11)).axes
    assert [label.get_text() for label in axes.get_yticklabels()][-2:] == ["executor 9", "executor 10"]


def test_task_records_marks_what_is_far_above_the_median():
    naive, fixed = figures.task_records({"naive": NAIVE_JOB, "yours": FIXED_JOB}).axes
    assert bars(naive)[0] == (140_000, figures.NAIVE)
    assert {colour for _, colour in bars(naive)[1:] + bars(fixed)} == {figures.FIXED}
    assert naive.get_title() == "naive\nheaviest / median = 77.8"
    assert naive.get_ylim() == fixed.get_ylim()
    assert naive.get_yscale() == "log"


def test_one_task_with_all_the_work_is_marked():
    (axes,) = figures.task_records({"one task": job([50_000])}).axes
    assert bars(axes) == [(50_000, figures.NAIVE)]


def test_bars_have_their_values_beside_them_and_the_largest_is_marked():
    (axes,) = figures.bars({"naive": 935.2, "combined": 0.35}, "shuffle, MB").axes
    assert [bar.get_width() for bar in axes.patches] == [935.2, 0.35]
    assert [hex_of(bar) for bar in axes.patches] == [figures.NAIVE, figures.FIXED]
    assert [text.get_text() for text in axes.texts] == ["935", "0.35"]


def test_curves_are_told_apart_without_colour_and_show_the_target():
    (axes,) = figures.curves(
        {"a": LINE, "b": LINE, "c": LINE}, "seconds", "loss", target=0.4, target_name="best"
    ).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert set(lines) == {"a", "b", "c", "best 0.4"}
    assert [tuple(map(float, point)) for point in lines["a"].get_xydata()] == LINE
    looks = {(lines[name].get_linestyle(), lines[name].get_color()) for name in "abc"}
    assert len(looks) == 3


def test_a_line_that_runs_away_leaves_the_picture_at_its_top():
    (axes,) = figures.curves({"a": [*LINE, (10.0, 99.0)]}, "seconds", "loss", target=0.4, top=1.0).axes
    assert axes.get_ylim()[1] == 1.0


def test_a_picture_says_what_is_graded_also_on_a_cluster_of_four():
    two_tasks = job([50_000, 50_000])
    two_tasks.slots = 4
    (axes,) = figures.task_records({"yours": two_tasks}).axes
    assert f"heaviest / median = {two_tasks.straggler_ratio():,.1f}" in axes.get_title()
    assert two_tasks.straggler_ratio() == 50_000


def test_task_numbers_are_whole():
    for axes in figures.task_records({"naive": NAIVE_JOB, "few": job([5, 5, 5])}).axes:
        assert all(tick == int(tick) for tick in axes.get_xticks())


def test_task_records_of_work_without_a_shuffle_is_an_empty_panel():
    (axes,) = figures.task_records({"none": Counters()}).axes
    assert bars(axes) == []
    assert figures.as_png(axes.figure).startswith(b"\x89PNG")


def test_partition_sizes_are_sorted_and_share_an_axis():
    hashed, salted = figures.partition_sizes({"hash": [10, 900, 20, 15], "salted": [230] * 4}).axes
    assert [height for height, _ in bars(hashed)] == [900, 20, 15, 10]
    assert [colour for _, colour in bars(hashed)] == [figures.NAIVE, *[figures.FIXED] * 3]
    assert hashed.get_ylim() == salted.get_ylim()


def test_the_trade_off_tells_allowed_from_not_allowed():
    (axes,) = figures.trade_off(POINTS, 0.05).axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_color() for line in dots] == [figures.FIXED, figures.FIXED, figures.NAIVE]
    assert [float(line.get_ydata()[0]) for line in dots] == pytest.approx([0.0, 1.3, 19.0])
    (limit,) = [line for line in axes.lines if line not in dots]
    assert list(limit.get_ydata()) == [5.0, 5.0]
    low, high = axes.get_ylim()
    assert low < 0.0 < 19.0 < high


def test_the_comparison_shares_the_time_axis_and_names_the_speedup():
    naive, yours, paired = figures.comparison(result()).axes
    assert naive.get_xlim() == yours.get_xlim()
    assert paired.get_title() == "5 pairs: 3.10× [2.60, 3.70]"
    assert [len(dots.get_offsets()) for dots in paired.collections] == [5, 5]
    assert paired.get_ylim()[0] == 0.0


def test_the_comparison_runs_the_functions_one_after_the_other():
    naive, _, _ = figures.comparison(result()).axes
    first = counters()[BASELINE]["item_trends"].tasks
    end = max(task.start + task.seconds for task in first)
    later = naive.patches[len(first) :]
    assert min(bar.get_x() for bar in later) == pytest.approx(end)


def test_a_picture_stands_in_a_page_without_another_file():
    page = figures.as_html(figures.timeline(NAIVE_JOB))
    (data,) = re.findall(r"src='data:image/png;base64,([^']+)'", page)
    assert base64.b64decode(data).startswith(b"\x89PNG")


def test_a_notebook_shows_a_picture_by_itself():
    assert figures.timeline(NAIVE_JOB)._repr_png_().startswith(b"\x89PNG")
