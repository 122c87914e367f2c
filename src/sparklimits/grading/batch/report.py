"""The report of a class: one page of HTML that needs no other file."""

from __future__ import annotations

import base64
import html
import statistics
from collections.abc import Sequence
from datetime import datetime

from sparklimits import labs
from sparklimits.display import figures
from sparklimits.grading.batch.outcome import MISSING
from sparklimits.grading.batch.table import LOOK_AT, Row
from sparklimits.measurement.bars import Bars

#: A lab's dots, beside each other in steps of this share of a line.
_STEP, _WIDE = 0.12, 5
_FULL = "full marks from here"
_STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; border-bottom: 1px solid #8886; text-align: left; }
td, th { vertical-align: top; } .number { text-align: right; font-variant-numeric: tabular-nums; }
.points { white-space: nowrap; } .wide { overflow-x: auto; }
img { max-width: 100%; background: white; } .look { font-weight: bold; }
li { margin: .2rem 0; } .reasons { margin: 0; padding-left: 1rem; }
"""


def page(rows: Sequence[Row], machines: Sequence[str], said: Sequence[str], now: datetime) -> str:
    """The page: marks, speedups, whom to look at, every verdict with its reasons, and where it was graded.

    Args:
        rows: the table.
        machines: a line on each machine, its isolation tier included.
        said: sentences on files of the folder, and on the machine.
        now: the time of the report.
    """
    parts = [
        "<h1>Grades of the class</h1>",
        f"<p>{now:%Y-%m-%d %H:%M}. Written answers that wait for a person are in no score here.</p>",
        _section("Whom to look at", _look_at(rows)),
        _section("Marks", _marks(rows)),
        _section("Speedups", _speedups(rows)),
        _section("Every verdict", _verdicts(rows)),
        _section("Where it was graded", _list([*machines, *said])),
    ]
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Grades of the class</title>"
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>\n{body}</section>"


def _list(sentences: Sequence[str], kind: str = "") -> str:
    if not sentences:
        return ""
    return f"<ul class='{kind}'>" + "".join(f"<li>{html.escape(one)}</li>" for one in sentences) + "</ul>"


def _look_at(rows: Sequence[Row]) -> str:
    found = []
    for verdict, meaning in LOOK_AT.items():
        named = [row for row in rows if row.verdict == verdict]
        if named:
            links = ", ".join(
                f"<a href='#{_anchor(row)}'>{html.escape(row.student)}, {row.lab}</a>" for row in named
            )
            found.append(f"<li><b>{verdict}</b> ({meaning}): {links}</li>")
    return f"<ul>{''.join(found)}</ul>" if found else "<p>Nobody: every verdict is clear.</p>"


def _marks(rows: Sequence[Row]) -> str:
    there = list(dict.fromkeys(row.lab for row in rows))
    by_student: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_student.setdefault(row.student, {})[row.lab] = row
    head = "".join(f"<th scope='col' class='number'>{lab}</th>" for lab in there)
    lines = [
        f"<tr><th scope='row'>{html.escape(student)}</th>"
        + "".join(map(_cell, map(own.get, there)))
        + "</tr>"
        for student, own in by_student.items()
    ]
    middle = "".join(f"<td class='number'>{_median(rows, lab)}</td>" for lab in there)
    return (
        f"<div class='wide'><table><thead><tr><th scope='col'>student</th>{head}</tr></thead><tbody>{''.join(lines)}"
        f"</tbody><tfoot><tr><th scope='row'>median of those graded</th>{middle}</tr></tfoot></table></div>"
    )


def _cell(row: Row | None) -> str:
    if row is None:
        return "<td></td>"
    text = row.verdict if row.score is None else f"{row.score:g} of {row.max_score:g}"
    if row.verdict == MISSING:
        return f"<td class='number'>{text}</td>"
    kind = "number look" if row.verdict in LOOK_AT else "number"
    return f"<td class='{kind}'><a href='#{_anchor(row)}'>{text}</a></td>"


def _median(rows: Sequence[Row], lab: str) -> str:
    scores = [row.score for row in rows if row.lab == lab and row.score is not None]
    return f"{statistics.median(scores):g}" if scores else ""


def _verdicts(rows: Sequence[Row]) -> str:
    lines = [
        f"<tr id='{_anchor(row)}'><td>{html.escape(row.student)}</td><td>{row.lab}</td><td>{row.verdict}</td>"
        f"<td class='number'>{'' if row.speedup is None else f'{row.speedup:.2f}×'}</td>"
        f"<td class='points'>{_points(row)}</td><td>{_list(row.reasons, 'reasons')}</td></tr>"
        for row in rows
    ]
    head = "".join(
        f"<th scope='col'>{name}</th>"
        for name in ("student", "lab", "verdict", "speedup", "points", "reasons")
    )
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"


def _points(row: Row) -> str:
    return "<br>".join(
        f"{html.escape(cell)}: {'waits' if points is None else f'{points:g}'} of {row.most[cell]:g}"
        for cell, points in row.marks.items()
    )


def _anchor(row: Row) -> str:
    return html.escape(f"{row.lab}/{row.student}", quote=True).replace(" ", "%20")


def _speedups(rows: Sequence[Row]) -> str:
    by_lab: dict[str, list[float]] = {}
    for row in rows:
        if row.speedup is not None and row.speedup > 0:
            by_lab.setdefault(row.lab, []).append(row.speedup)
    if not by_lab:
        return "<p>No speedup was measured.</p>"
    told = "; ".join(
        f"{lab}: {len(values)} measured, from {min(values):.2f} to {max(values):.2f} times, median "
        f"{statistics.median(values):.2f}"
        for lab, values in by_lab.items()
    )
    data = base64.b64encode(figures.as_png(picture(by_lab))).decode()
    return (
        f"<p><img alt='{html.escape(f'Speedups of the class. {told}.', quote=True)}' "
        f"src='data:image/png;base64,{data}'></p><p>{html.escape(told)}.</p>"
    )


def picture(by_lab: dict[str, list[float]]) -> figures.Picture:
    """A dot for each student's speedup, a line for each lab, with the bar from which there are full marks."""
    figure = figures.Picture(8.0, 1.3 + 0.75 * len(by_lab))
    axes = figure.add_subplot()
    for place, (lab_id, values) in enumerate(by_lab.items()):
        ordered = sorted(values)
        # Those of about the same speed lie beside each other, not on each other.
        heights = [place + ((number % _WIDE) - _WIDE // 2) * _STEP for number in range(len(ordered))]
        axes.plot(
            ordered, heights, linestyle="", marker="o", color=figures.FIXED, alpha=0.7, label="a student",
        )  # fmt: skip
        lab = labs.find(lab_id)
        if lab.speed_earns:
            full = Bars.of(lab.gain).full
            axes.plot(
                [full, full], [place - 0.4, place + 0.4], color=figures.NAIVE, linewidth=2.5, label=_FULL
            )
    axes.axvline(1.0, color=figures.QUIET, linestyle=":", label="no gain")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_yticks(range(len(by_lab)), list(by_lab))
    axes.set_ylim(len(by_lab) - 0.5, -0.5)
    axes.set_xlabel("speedup: time of the naive way over the student's (logarithmic)")
    handles, names = axes.get_legend_handles_labels()
    once = dict(zip(names, handles, strict=True))
    axes.legend(once.values(), once.keys(), loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
