"""What the runs of a measurement come to: the speedup, each function's marks, and a verdict with its reasons."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from sparklimits import evidence, measure, scoring
from sparklimits.labs.base import Lab, Task
from sparklimits.measure import BASELINE, CANDIDATE, Timed
from sparklimits.result import Arm, Result, TaskResult
from sparklimits.runs import Run


def of(
    lab: Lab, timed: Sequence[Timed[Run]], elsewhere: Sequence[Run], *, scale: float, slots: int, backend: str
) -> Result:
    """The result of a measurement whose results were all right.

    Args:
        lab: the lab that was measured.
        timed: the runs of both ways, in pairs.
        elsewhere: the candidate's runs on other kinds of data, which are not timed.
        scale: multiplied the data.
        slots: tasks that the cluster runs at a time.
        backend: the kind of cluster.
    """
    slow, fast = (measure.seconds_of(timed, arm) for arm in (BASELINE, CANDIDATE))
    runs = {arm: [one.output for one in timed if one.arm == arm] for arm in (BASELINE, CANDIDATE)}
    ratio = measure.ratio(slow, fast)
    doubts = _doubts(lab, ratio.speedup, [*runs[CANDIDATE], *elsewhere])
    speed = scoring.speed_share(slow, fast, lab.gain)
    noisy = scoring.too_noisy(slow, fast, lab.gain)
    verdict = scoring.verdict(correct=True, suspicious=bool(doubts), noisy=noisy, speed=speed)
    if verdict == "inconclusive":
        doubts.append("the machine was too restless to decide; measure again when nothing else runs on it")
    return Result(
        lab=lab.id,
        backend=backend,
        scale=scale,
        speedup=ratio.speedup,
        low=ratio.low,
        high=ratio.high,
        verdict=verdict,
        reasons=tuple(doubts),
        speed_share=speed,
        seconds={BASELINE: slow, CANDIDATE: fast},
        tasks={task.name: _part(task, runs, elsewhere, scale, slots) for task in lab.tasks},
        quality={name: value for run in runs[CANDIDATE] for name, value in run.quality.values.items()},
        arms={arm: _arm(runs[arm], slots) for arm in runs},
        full_marks_at=scoring.Bars.of(lab.gain).full,
        shown=lab.shown,
    )


def _doubts(lab: Lab, speedup: float, candidate: Sequence[Run]) -> list[str]:
    """Why a person should look at right results: work done outside the cluster, or a speedup beyond belief."""
    found = [
        f"{task.name}: {evidence.words(task.needs)} of the cluster: none; the work was done elsewhere"
        for task in lab.tasks
        if task.needs
        and any(
            task.name in run.counters and not run.counters[task.name].summary()[task.needs]
            for run in candidate
        )
    ]
    if speedup > scoring.SUSPICIOUS * lab.gain:
        found.append(f"{speedup:.0f} times faster is beyond what the fixes of this lab can give")
    return found


def _part(
    task: Task, runs: dict[str, list[Run]], elsewhere: Sequence[Run], scale: float, slots: int
) -> TaskResult:
    """One function's part. Its counter is the worse of the timed runs' median and each run elsewhere."""

    def counted(some: Sequence[Run]) -> list[float]:
        return [
            run.counters[task.name].summary(slots)[task.counter] for run in some if task.name in run.counters
        ]

    def seconds(arm: str) -> float:
        return statistics.median(run.seconds[task.name] for run in runs[arm] if task.name in run.seconds)

    worst = max(statistics.median(counted(runs[CANDIDATE])), *counted(elsewhere), 0.0)
    size = scale if task.grows else 1.0
    return TaskResult(
        counter=task.counter,
        baseline_s=seconds(BASELINE),
        candidate_s=seconds(CANDIDATE),
        baseline_counter=statistics.median(counted(runs[BASELINE])),
        candidate_counter=worst,
        share=scoring.counter_share(worst, task.good * size, task.bad * size),
        on_cluster=bool(task.needs),
    )


def _arm(runs: Sequence[Run], slots: int) -> Arm:
    """The last run's evidence, with an earlier run's counters for a function that did not run in it."""
    last = replace(runs[-1], counters={name: part for run in runs for name, part in run.counters.items()})
    return Arm(
        summary=last.merged.summary(slots),
        functions={name: part.summary(slots) for name, part in last.counters.items()},
        counters=dict(last.counters),
    )
