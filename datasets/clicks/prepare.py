"""Generates clicks as Parquet files or in Criteo's format, or checks a real file. See the README beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sparklimits.datasets import card, criteo
from sparklimits.datasets.clicks import (
    ClicksSpec,
    best_auc,
    best_logloss,
    generate,
    measured,
    probabilities,
    write_parquet,
)
from sparklimits.errors import DataError, SparkLimitsError

HERE = Path(__file__).resolve().parent
CARD_ROWS, CARD_SEED = 200_000, 1


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; an error made for the reader ends in one line and code 1."""
    options = _parser().parse_args(arguments)
    try:
        if options.write_card:
            card.write(HERE / "README.md", card_table())
            print(f"written into {HERE / 'README.md'}")
        else:
            _prepare(options)
    except (SparkLimitsError, ValueError, OSError) as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 1
    return 0


def card_table() -> str:
    """The card's table: what the generator makes of its default specification."""
    spec = ClicksSpec(CARD_ROWS)
    clicks = generate(spec, CARD_SEED)
    truth = probabilities(clicks, spec)
    scores = {"best_auc": best_auc(truth), "best_logloss": best_logloss(truth)}
    return card.table({"generated": {**measured(clicks), **scores}}, card.CLICKS)


def _prepare(options: argparse.Namespace) -> None:
    if options.out is None:
        raise DataError("--out PATH is missing: where shall the clicks go?")
    if options.out.exists():
        raise DataError(f"{options.out} is there already: remove it, or name another place.")
    if options.source is not None:
        clicks = criteo.load(options.source)
    else:
        clicks = generate(ClicksSpec(options.rows), options.seed, options.world)
    if options.format == "criteo":
        criteo.write(clicks, options.out)
    else:
        write_parquet(clicks, options.out)
    print(f"{options.out}: {len(clicks):,} clicks, {clicks['label'].mean():.1%} of them clicked")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="FILE", help="a real file in Criteo's format"
    )
    parser.add_argument(
        "--rows", type=int, default=200_000, metavar="N", help="how many rows (default: 200000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same rows (default: 0)")
    parser.add_argument("--world", type=int, default=0, help="the hidden truth that rows share (default: 0)")
    parser.add_argument("--format", choices=("parquet", "criteo"), default="parquet")
    parser.add_argument("--out", type=Path, metavar="PATH", help="where they go; must not be there yet")
    parser.add_argument(
        "--write-card", action="store_true", help="measure the default and put it into the README here"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
