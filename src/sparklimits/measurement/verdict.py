"""What the runs of a measurement come to: the speedup, the share of each part of the marks, and a verdict."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sparklimits.machine.scale import CLOCKED
from sparklimits.measurement import bars, pairs
from sparklimits.measurement.lab import Exercise, Lab
from sparklimits.measurement.pairs import PairedRun, Ratio
from sparklimits.measurement.plan import BASELINE, CANDIDATE, GRADED, Plan
from sparklimits.measurement.result import SPEED, Arm, ExerciseResult, Result
from sparklimits.measurement.run import Run
from sparklimits.spark.counters import BALANCE, CLUSTER, DRIVER, Counters, counter_name, merged

#: Marks that an undecided part earns for the time being: never none, never all.
PROVISIONAL = 0.5


@dataclass(frozen=True)
class Broken:
    """Why a function earns nothing: ``failed``, ``wrong``, ``suspicious``, or ``inconclusive``, with the reasons.

    ``story`` is all that was said of the error, where it was one.
    """

    verdict: str
    reasons: tuple[str, ...]
    values: Mapping[str, float] = field(default_factory=dict)
    story: str = ""


#: Processor seconds at scale 1 that a driver's Python needs to give orders and to take a result, and what share of
#: the executors' seconds is still little. Measured (benchmarks/evidence.py): 0.01 to 0.09 s for the references of labs
#: 1 to 4, a twentieth of the executors' at most; 0.9 s beside 11.8 s for the naive way of lab 4; and 0.9 s beside
#: 0.1 s where lab 4 is trained in the driver.
_OWN, _SHARE = 0.15, 0.2
#: How far the busiest executor's processor seconds, over an even share, may be above the slot ratio, and how many
#: seconds more than an even share say something at all: what Java compiles, one executor compiles before the other.
#: Measured on lab 0 from a tenth of the data on: 1.0 to 1.2 where the slot ratio is 1, also where the work takes one
#: second, of which a margin alone would be 0.13 s; and 1.4, or 0.4 s more, where one task has all rows of a tenth.
_MARGIN, _ENOUGH = 0.25, 0.3
#: Processor seconds of the naive way from which on a share of them says something.
_MEASURABLE = 0.5
#: Which verdict stands for a lab whose functions have several: the first of these.
_WORST = ("wrong", "suspicious", "failed", "inconclusive")


def of(
    lab: Lab,
    timed: Sequence[PairedRun[Run]],
    elsewhere: Sequence[Run],
    broken: Mapping[str, Broken],
    *,
    scale: float,
    backend: str,
    plan: Plan = GRADED,
) -> Result:
    """The result of a measurement whose results were all right.

    Args:
        lab: the lab that was measured.
        timed: the runs of both ways, in pairs; a single pair when there was nothing for the clock.
        elsewhere: the candidate's runs on other kinds of data, which are not timed.
        broken: the functions that earn nothing; the naive way ran in their place.
        scale: multiplied the data.
        backend: the kind of cluster.
        plan: the plan of the measurement.
    """
    slow, fast = (pairs.seconds_of(timed, arm) for arm in (BASELINE, CANDIDATE))
    runs = {arm: [one.output for one in timed if one.place.arm == arm] for arm in (BASELINE, CANDIDATE)}
    alive = [one for one in lab.exercises if one.name not in broken]
    raced = any(one.timed for one in alive)
    ratio = pairs.ratio(slow, fast) if raced else None
    broken = {**broken, **_doubts(lab, alive, ratio, [*runs[CANDIDATE], *elsewhere], runs[BASELINE], scale)}
    undecided = _why_undecided(scale, bars.too_noisy(slow, fast, lab.gain, plan)) if raced else ""
    speed = bars.speed_share(slow, fast, lab.gain) if raced else 0.0
    if any(
        broken[one.name].verdict == "suspicious" for one in lab.exercises if one.timed and one.name in broken
    ):
        speed = 0.0
    elif undecided:
        speed = PROVISIONAL
    parts = {one.name: _part(one, runs, elsewhere) for one in alive}
    shares = _shares(lab, parts, scale, speed, broken, runs[CANDIDATE])
    reasons = [reason for one in broken.values() for reason in one.reasons]
    if undecided:
        reasons.append(undecided)
    result = Result(
        lab=lab.id,
        backend=backend,
        scale=scale,
        verdict=_verdict(broken, bool(undecided), [speed])
        if lab.speed_earns
        else _verdict(broken, False, [shares[part] for part in lab.bars]),
        full_marks_at=bars.Bars.of(lab.gain).full,
        reasons=tuple(reasons),
        seconds={BASELINE: slow, CANDIDATE: fast} if raced else {},
        exercises=parts,
        quality={name: value for run in runs[CANDIDATE] for name, value in run.quality.values.items()}
        | {name: value for one in broken.values() for name, value in one.values.items()},
        arms={arm: _arm(runs[arm]) for arm in runs},
        shown=lab.shown,
        shares=shares,
        stories=_stories(broken),
    )
    if ratio is not None:
        result = replace(result, speedup=ratio.speedup, low=ratio.low, high=ratio.high)
    return result


def undecided(lab: Lab, reason: str, *, scale: float, backend: str) -> Result:
    """The result when the machine let nothing be measured: it costs no marks before a person has decided."""
    return replace(_unmeasured(lab, "inconclusive", (reason,), scale, backend), shares=_all(lab, PROVISIONAL))


def nothing_right(lab: Lab, broken: Mapping[str, Broken], *, scale: float, backend: str) -> Result:
    """The result when there is no function left to measure."""
    reasons = tuple(reason for one in broken.values() for reason in one.reasons)
    values = {name: value for one in broken.values() for name, value in one.values.items()}
    result = _unmeasured(lab, _verdict(broken, False, []), reasons, scale, backend)
    return replace(result, quality=values, stories=_stories(broken))


def also(result: Result, lab: Lab, name: str, broken: Broken) -> Result:
    """The same result, with one function found broken afterwards: what it earned, and speed that it had a part in."""
    (exercise,) = (one for one in lab.exercises if one.name == name)
    lost = dict.fromkeys(exercise.bars, 0.0)
    if exercise.timed:
        lost[SPEED] = 0.0
    stood = {"here": Broken(result.verdict, ())} if result.verdict in _WORST else {}
    return replace(
        result,
        verdict=_verdict({**stood, name: broken}, False, []),
        reasons=(*result.reasons, *broken.reasons),
        shares={**result.shares, **lost},
        stories=(*result.stories, *_stories({name: broken})),
    )


def doubtful(result: Result, reason: str) -> Result:
    """The same result, not decided: the machine did not let it be checked to the end."""
    worst = result.verdict if result.verdict in _WORST else "inconclusive"
    return replace(result, verdict=worst, reasons=(*result.reasons, reason))


def _why_undecided(scale: float, noisy: bool) -> str:
    """Why the seconds decide nothing; empty when they do."""
    if scale < CLOCKED:
        return (
            f"measured on {scale:g} of the data, where fixed costs hide the gain: the bars for speed hold from "
            f"SPARKLIMITS_SCALE={CLOCKED} on"
        )
    return "the machine was too noisy to decide; measure again when nothing else runs on it" if noisy else ""


def _verdict(broken: Mapping[str, Broken], undecided: bool, shares: Sequence[float]) -> str:
    """The worst of what was found; else what the shares that decide come to."""
    found = {one.verdict for one in broken.values()} | ({"inconclusive"} if undecided else set())
    if worst := next((verdict for verdict in _WORST if verdict in found), None):
        return worst
    if min(shares) >= 1.0:
        return "passed"
    return "partial" if max(shares) > 0.0 else "failed"


def _unmeasured(lab: Lab, verdict: str, reasons: tuple[str, ...], scale: float, backend: str) -> Result:
    return Result(
        lab=lab.id,
        backend=backend,
        scale=scale,
        verdict=verdict,
        full_marks_at=bars.Bars.of(lab.gain).full,
        reasons=reasons,
        shares=_all(lab, 0.0),
    )


def _stories(broken: Mapping[str, Broken]) -> tuple[str, ...]:
    return tuple(one.story for one in broken.values() if one.story)


def _all(lab: Lab, share: float) -> dict[str, float]:
    return dict.fromkeys((SPEED, *lab.bars), share)


def _doubts(
    lab: Lab,
    alive: Sequence[Exercise],
    ratio: Ratio | None,
    candidate: Sequence[Run],
    naive: Sequence[Run],
    scale: float,
) -> dict[str, Broken]:
    """The functions at which a person should look: work outside the cluster, or hidden, or a speedup beyond belief."""
    found: dict[str, list[str]] = {}
    for one in alive:
        counted = [run.counters[one.name] for run in candidate if one.name in run.counters]
        if one.needs and any(not part.summary()[one.needs] for part in counted):
            where = "elsewhere" if one.needs == "tasks" else "elsewhere, or by one task alone"
            found.setdefault(one.name, []).append(
                f"{one.name}: {counter_name(one.needs)} of the cluster: none; the work was done {where}"
            )
        # On little data a result is as large as the data.
        if one.collects is not None and counted and scale >= CLOCKED:
            brought = statistics.median(part.summary()["result_bytes"] for part in counted)
            if brought > (allowed := one.collects * scale):
                found.setdefault(one.name, []).append(
                    f"{one.name}: {brought / 1e6:.1f} MB were brought to the driver, and its result has at most "
                    f"{allowed / 1e6:.1f} MB: the work was done there, not on the cluster"
                )
        if one.on_cluster and scale >= CLOCKED and (told := _in_the_driver(counted, scale)):
            found.setdefault(one.name, []).append(f"{one.name}: {told}")
        beside = [run.counters[one.name] for run in naive if one.name in run.counters]
        if one.on_cluster and (told := _too_little(counted, beside, one.on_cluster)):
            found.setdefault(one.name, []).append(f"{one.name}: {told}")
        if one.bar.counter == "slot_ratio" and (told := _out_of_balance(counted)):
            found.setdefault(one.name, []).append(f"{one.name}: {told}")
        if lost := max((part.forgotten for part in counted), default=0):
            found.setdefault(one.name, []).append(
                f"{one.name}: Spark's page has forgotten {lost:,} of its jobs or a part of them: its counters are "
                "incomplete, and give no marks"
            )
        if one.timed and ratio is not None and ratio.speedup > bars.SUSPICIOUS * lab.gain:
            found.setdefault(one.name, []).append(
                f"{one.name}: {ratio.speedup:.0f} times faster is beyond what the fixes of this lab can give"
            )
    return {name: Broken("suspicious", tuple(reasons)) for name, reasons in found.items()}


def _in_the_driver(counted: Sequence[Counters], scale: float) -> str:
    """What the kernel counted, when that was the driver's work more than the executors'; else nothing."""
    known = [part.other for part in counted if DRIVER in part.other]
    if not known:
        return ""
    driver, cluster = (statistics.median(one[name] for one in known) for name in (DRIVER, CLUSTER))
    if driver <= _OWN * scale + _SHARE * cluster:
        return ""
    return (
        f"the kernel counted {driver:.2f} processor seconds of the driver's Python and {cluster:.2f} of the executors: "
        "the work was done in the driver, not on the cluster"
    )


def _too_little(counted: Sequence[Counters], naive: Sequence[Counters], least: float) -> str:
    """Where the executors did less than any right answer has them do, both numbers; else nothing."""
    own, other = (
        [part.other[CLUSTER] for part in some if CLUSTER in part.other] for some in (counted, naive)
    )
    if not own or not other or (usual := statistics.median(other)) < _MEASURABLE:
        return ""
    if (seen := statistics.median(own)) >= least * usual:
        return ""
    return (
        f"the kernel counted {seen:.2f} processor seconds of the executors, and {usual:.2f} for the naive way: the "
        "work was done elsewhere, not on the cluster"
    )


def _out_of_balance(counted: Sequence[Counters]) -> str:
    """Where the kernel contradicts the balance that Spark's counters tell of, both numbers; else nothing."""
    known = [part for part in counted if BALANCE in part.other]
    if not known:
        return ""
    seen = statistics.median(part.other[BALANCE] for part in known)
    told = statistics.median(part.slot_ratio() for part in known)
    even = statistics.median(part.other[CLUSTER] / part.slots for part in known)
    if seen <= told + _MARGIN or (seen - told) * even <= _ENOUGH:
        return ""
    return (
        f"by the counters the busiest slot had {told:.2f} times an even share; by the kernel's processor seconds the "
        f"busiest executor had {seen:.2f} times one: the counters are not those of this work"
    )


def _part(exercise: Exercise, runs: Mapping[str, Sequence[Run]], elsewhere: Sequence[Run]) -> ExerciseResult:
    """One function's part. Its counter is the worse of the timed runs' median and each run elsewhere."""

    def counted(some: Sequence[Run]) -> list[float]:
        return [
            run.counters[exercise.name].summary()[exercise.bar.counter]
            for run in some
            if exercise.name in run.counters
        ]

    def seconds(arm: str) -> float:
        return statistics.median(
            run.seconds[exercise.name] for run in runs[arm] if exercise.name in run.seconds
        )

    return ExerciseResult(
        counter=exercise.bar.counter,
        baseline_s=seconds(BASELINE),
        candidate_s=seconds(CANDIDATE),
        baseline_counter=statistics.median(counted(runs[BASELINE])),
        candidate_counter=max(statistics.median(counted(runs[CANDIDATE])), *counted(elsewhere), 0.0),
        clocked=exercise.timed or bool(exercise.needs),
    )


def _shares(
    lab: Lab,
    parts: Mapping[str, ExerciseResult],
    scale: float,
    speed: float,
    broken: Mapping[str, Broken],
    candidate: Sequence[Run],
) -> dict[str, float]:
    shares = {**_all(lab, 0.0), SPEED: speed}
    for one in lab.exercises:
        if one.name in broken:
            continue
        checked = candidate[0].checked[one.name].values
        counted = {
            **candidate[0].counters[one.name].summary(),
            **checked,
            one.bar.counter: parts[one.name].candidate_counter,
        }
        for part, bar in one.bars.items():
            # Of a count that a process did not tell, no share is known to be earned.
            shares[part] = bars.counter_share(counted.get(bar.counter, math.inf), *bar.at(scale))
            # The naive way is exact too: what a check finds earns as far as the function's own counter does.
            if bar.counter in checked:
                shares[part] = min(shares[part], shares[one.name])
    return shares


def _arm(runs: Sequence[Run]) -> Arm:
    """The last run's evidence, with an earlier run's counters for a function that did not run in it."""
    counters = {name: part for run in runs for name, part in run.counters.items()}
    return Arm(
        summary=merged(list(counters.values())).summary(),
        functions={name: part.summary() for name, part in counters.items()},
        counters=counters,
    )
