"""Draws measurements from a model of a noisy machine and asks the real grading rule about each.

    .venv/bin/python benchmarks/grading_simulation.py            # prints the tables and writes the JSON
    .venv/bin/python benchmarks/grading_simulation.py --write    # also puts the tables into course/grading.md
    .venv/bin/python benchmarks/grading_simulation.py --coverage # only: how often the interval holds the true speedup

The rule is that of ``sparklimits.measurement``: its bars, its pairs and its plan. It stands here a second time, for
whole arrays at once; at the start both are asked about the same random measurements and must agree.

The model: each run's seconds are multiplied by lognormal noise (``SIGMAS``), and one run in twenty by a spike of
1.5 to 4. On the busy machine another process keeps one core busy from time to time, which multiplies both runs of
a pair by the same factor of 1 to 2.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from sparklimits.display.tables import with_tables
from sparklimits.measurement import bars
from sparklimits.measurement.pairs import CONFIDENCE
from sparklimits.measurement.plan import GRADED
from sparklimits.measurement.verdict import PROVISIONAL

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "grading_simulation.json"
POLICY = ROOT / "course" / "grading.md"
#: What stands between two markers in ``POLICY`` is written by this script.

SEED = 2026
DRAWS = 50_000
GAINS = (2.0, 3.0, 5.0, 10.0)
SIGMAS = (0.05, 0.1, 0.2)
MACHINES = ("quiet", "busy")
SPIKES = 0.05
SPIKE = (1.5, 4.0)
BUSY = (1.0, 2.0)
#: The gain that the longer table is for: that of the labs there are.
SHOWN_GAIN = 3.0
#: The numbers of pairs after which a measurement may end.
PAIRS = range(GRADED.least, GRADED.most + 1)
UNTOUCHED, EQUAL = "untouched", "equal to the reference"
#: True speedup as a function of the reference's gain.
CASES = {
    "5 % slower": lambda gain: 1 / 1.05,
    UNTOUCHED: lambda gain: 1.0,
    "half-way": lambda gain: gain**0.4,
    EQUAL: lambda gain: gain,
}

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Row:
    """What becomes of many submissions of one kind. Probabilities and shares are between 0 and 1.

    ``full``, ``some`` (more than nothing) and ``none`` are shares of the submissions whose measurement was
    conclusive at last, ``inconclusive`` the others; ``none + some + inconclusive`` is 1.
    """

    machine: str
    sigma: float
    gain: float
    case: str
    full: float
    some: float
    none: float
    inconclusive: float
    mean_share: float
    mean_pairs: float


def seconds(
    rng: np.random.Generator, speedup: float, sigma: float, machine: str, draws: int, spikes: float = SPIKES
) -> tuple[Array, Array]:
    """Seconds of baseline and candidate, each of the shape (draws, most pairs); the naive way takes 1 s."""
    shape = (draws, GRADED.most)
    common = rng.uniform(*BUSY, shape) if machine == "busy" else np.ones(shape)

    def noise() -> Array:
        spike = np.where(rng.random(shape) < spikes, rng.uniform(*SPIKE, shape), 1.0)
        return common * spike * np.exp(sigma * rng.standard_normal(shape))

    return noise(), noise() / speedup


def estimates(baseline: Array, candidate: Array) -> Array:
    """``pairs.estimates`` for each row; of the shape (2, rows)."""
    place = 1 if baseline.shape[1] > 2 else 0
    fast = [np.partition(arm, place, axis=1)[:, place] for arm in (baseline, candidate)]
    return np.stack([np.log(fast[0] / fast[1]), np.median(np.log(baseline / candidate), axis=1)])


def bounds(baseline: Array, candidate: Array) -> tuple[Array, Array]:
    """``pairs.ratio``'s low and high for each row."""
    logs = np.log(baseline / candidate)
    pairs = logs.shape[1]
    half = stats.t.ppf((1 + CONFIDENCE) / 2, pairs - 1) * logs.std(axis=1, ddof=1) / math.sqrt(pairs)
    return np.exp(logs.mean(axis=1) - half), np.exp(logs.mean(axis=1) + half)


def share(log_speedup: Array, gain: float) -> Array:
    """``bars.share`` for each logarithm of a speedup."""
    way = (log_speedup / math.log(gain) - bars.NONE) / (bars.FULL - bars.NONE)
    return np.clip(way, 0.0, 1.0)


def votes(baseline: Array, candidate: Array, gain: float) -> Array:
    """``bars.votes`` for each row."""
    return np.where(np.log(baseline / candidate) > bars.CUT * math.log(gain), 1, -1).sum(axis=1)


def reached(baseline: Array, candidate: Array, gain: float) -> Array:
    """``bars.reached`` for each row."""
    lowest = estimates(baseline, candidate).min(axis=0)
    return (votes(baseline, candidate, gain) >= bars.LEAD) & (lowest >= bars.FULL * math.log(gain))


def settled(baseline: Array, candidate: Array, gain: float) -> Array:
    """``bars.settled`` for each row."""
    highest = estimates(baseline, candidate).max(axis=0)
    missed = (votes(baseline, candidate, gain) <= -bars.LEAD) & (highest <= bars.NONE * math.log(gain))
    return reached(baseline, candidate, gain) | missed


def too_noisy(baseline: Array, candidate: Array, gain: float) -> Array:
    """``bars.too_noisy`` for each row."""
    if baseline.shape[1] < GRADED.most:
        return np.zeros(len(baseline), bool)
    low, high = bounds(baseline, candidate)
    shares = share(estimates(baseline, candidate), gain)
    wild = (high / low > bars.MAX_INTERVAL) | (np.abs(shares[0] - shares[1]) > 0.5)
    return wild & ~settled(baseline, candidate, gain)


def speed_share(baseline: Array, candidate: Array, gain: float) -> Array:
    """``bars.speed_share`` for each row."""
    above = (np.log(baseline / candidate) > bars.ABOVE * math.log(gain)).sum(axis=1)
    between = share(estimates(baseline, candidate).mean(axis=0), gain)
    enough = 10 * above >= bars.MOST_OF_TEN * baseline.shape[1]
    return np.where(reached(baseline, candidate, gain), 1.0, np.where(enough, between, 0.0))


def once(baseline: Array, candidate: Array, gain: float) -> tuple[Array, Array, Array]:
    """One measurement for each row: share of the speed marks, too noisy or not, and number of pairs."""
    draws = len(baseline)
    result, noisy, pairs = np.zeros(draws), np.zeros(draws, bool), np.zeros(draws, int)
    running = np.arange(draws)
    for count in PAIRS:
        slow, fast = baseline[running, :count], candidate[running, :count]
        stop = settled(slow, fast, gain) | (count == GRADED.most)
        ended = running[stop]
        result[ended] = speed_share(slow[stop], fast[stop], gain)
        noisy[ended] = too_noisy(slow[stop], fast[stop], gain)
        pairs[ended] = count
        running = running[~stop]
    return result, noisy, pairs


def simulate(rng: np.random.Generator, machine: str, sigma: float, gain: float, case: str, draws: int) -> Row:
    """Measures ``draws`` submissions of one kind, the inconclusive ones again as the experiment does."""
    result, pairs = np.zeros(draws), np.zeros(draws)
    open_rows = np.arange(draws)
    for _ in range(GRADED.attempts):
        arms = seconds(rng, CASES[case](gain), sigma, machine, len(open_rows))
        found, noisy, used = once(*arms, gain)
        result[open_rows] = found
        pairs[open_rows] += used
        open_rows = open_rows[noisy]
    left = np.zeros(draws, bool)
    left[open_rows] = True
    return Row(
        machine, sigma, gain, case,
        full=float(((result >= 1.0) & ~left).mean()),
        some=float(((result > 0.0) & ~left).mean()),
        none=float(((result == 0.0) & ~left).mean()),
        inconclusive=float(left.mean()),
        mean_share=float(np.where(left, PROVISIONAL, result).mean()),
        mean_pairs=float(pairs.mean()),
    )  # fmt: skip


def coverage(speedup: float, sigma: float, spikes: float, draws: int = DRAWS) -> float:
    """Share of the measurements whose interval, at the pair where the rule stops, holds the true speedup.

    On the busy machine and at the labs' gain; the same number every time.
    """
    baseline, candidate = seconds(np.random.default_rng(SEED), speedup, sigma, "busy", draws, spikes)
    _, _, used = once(baseline, candidate, SHOWN_GAIN)
    held = 0
    for count in PAIRS:
        low, high = bounds(baseline[used == count, :count], candidate[used == count, :count])
        held += int(((low <= speedup) & (speedup <= high)).sum())
    return held / draws


def coverage_table(draws: int = DRAWS) -> str:
    """One line for each noise, with and without spikes, from no speedup to that of the reference."""
    powers = (0.0, bars.NONE, 0.4, bars.FULL, 0.8, 1.0)
    lines = ["| spikes | noise |" + "".join(f" true speedup {SHOWN_GAIN**one:.2f}× |" for one in powers)]
    lines.append("|--:|--:|" + "--:|" * len(powers))
    for spikes, sigma in itertools.product((0.0, SPIKES), SIGMAS):
        held = (coverage(SHOWN_GAIN**one, sigma, spikes, draws) for one in powers)
        lines.append(f"| {100 * spikes:g} % | {sigma:g} |" + "".join(f" {100 * one:.1f} % |" for one in held))
    return "\n".join(lines)


def compare_with_scoring(rng: np.random.Generator, samples: int = 300) -> None:
    """Asserts that the array version of the rule and ``sparklimits.measurement.bars`` say the same."""
    for gain, machine, count in itertools.product(GAINS, MACHINES, PAIRS):
        for case, sigma in itertools.product(CASES.values(), (*SIGMAS, 0.6)):
            arms = seconds(rng, case(gain), sigma, machine, samples // 30)
            slow, fast = (arm[:, :count] for arm in arms)
            mine = zip(
                settled(slow, fast, gain),
                too_noisy(slow, fast, gain),
                speed_share(slow, fast, gain),
                strict=True,
            )
            for row, (stop, noisy, marks) in enumerate(mine):
                one = slow[row].tolist(), fast[row].tolist(), gain
                assert stop == bars.settled(*one), f"settled differs for {one}"
                assert noisy == bars.too_noisy(*one), f"too_noisy differs for {one}"
                assert math.isclose(marks, bars.speed_share(*one), abs_tol=1e-9), f"share differs for {one}"


def kinds() -> list[tuple[tuple[str, float, float, str], np.random.SeedSequence]]:
    """Every kind of submission (machine, sigma, gain, case) and its own seed."""
    combined = list(itertools.product(MACHINES, SIGMAS, GAINS, CASES))
    return list(zip(combined, np.random.SeedSequence(SEED).spawn(len(combined)), strict=True))


def run(draws: int = DRAWS) -> dict[str, Any]:
    """Simulates all kinds of submissions; the same numbers every time."""
    compare_with_scoring(np.random.default_rng(SEED))
    rows = [simulate(np.random.default_rng(seed), *kind, draws) for kind, seed in kinds()]
    return {"seed": SEED, "draws": draws, "rule": rule(), "rows": [asdict(row) for row in rows]}


def rule() -> dict[str, Any]:
    """The constants that the results hold for."""
    return {
        "full": bars.FULL,
        "none": bars.NONE,
        "cut": bars.CUT,
        "lead": bars.LEAD,
        "above": bars.ABOVE,
        "most_of_ten": bars.MOST_OF_TEN,
        "max_interval": bars.MAX_INTERVAL,
        "least": GRADED.least,
        "most": GRADED.most,
        "attempts": GRADED.attempts,
    }


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The Markdown tables of ``course/grading.md`` by name."""
    rows = results["rows"]
    return {"cases": cases_table(rows), "gains": gains_table(rows)}


def cases_table(rows: list[dict[str, Any]]) -> str:
    """One line for each noise and case, at the labs' gain and on the busy machine, which is the harder one."""
    lines = ["| noise | submission | full marks | no marks | inconclusive | mean share | pairs run |"]
    lines.append("|--:|---|--:|--:|--:|--:|--:|")
    lines += [
        f"| {row['sigma']:g} | {row['case']} | {_percent(row['full'])} | {_percent(row['none'])} | "
        f"{_percent(row['inconclusive'])} | {row['mean_share']:.2f} | {row['mean_pairs']:.1f} |"
        for row in rows
        if row["machine"] == "busy" and row["gain"] == SHOWN_GAIN
    ]
    return "\n".join(lines)


def gains_table(rows: list[dict[str, Any]]) -> str:
    """One line for each gain: the two wrongs that a grader can do, on the busy machine."""
    found = {(row["gain"], row["sigma"], row["case"]): row for row in rows if row["machine"] == "busy"}
    lines = ["| reference's speedup |", "|--:|"]
    for sigma in SIGMAS[1:]:
        lines[0] += f" untouched gets marks, noise {sigma:g} | equal gets full marks, noise {sigma:g} |"
        lines[1] += "--:|--:|"
    for gain in GAINS:
        cells = [
            f" {_percent(found[gain, sigma, UNTOUCHED]['some'])} | {_percent(found[gain, sigma, EQUAL]['full'])} |"
            for sigma in SIGMAS[1:]
        ]
        lines.append(f"| {gain:g}× |" + "".join(cells))
    return "\n".join(lines)


def _percent(probability: float) -> str:
    return f"{100 * probability:.2f} %"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="also put the tables into course/grading.md")
    parser.add_argument("--coverage", action="store_true", help="only print the coverage of the interval")
    options = parser.parse_args()
    if options.coverage:
        print(coverage_table())
        return
    results = run()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.write:
        POLICY.write_text(with_tables(POLICY.read_text(encoding="utf-8"), tables(results)), encoding="utf-8")
    print("\n\n".join(tables(results).values()))


if __name__ == "__main__":
    main()
