"""Generates ratings with a chosen skew as Parquet files, and prints the measured one. See the README beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sparklimits.datasets import card
from sparklimits.datasets.ratings import (
    MOVIELENS_LIKE,
    RatingsSpec,
    calibrated,
    generate,
    measured_skew,
    write_parquet,
)
from sparklimits.errors import DataError, SparkLimitsError
from sparklimits.labs.lab2_skew.data import SPECS

HERE = Path(__file__).resolve().parent
PRESETS = {"movielens": MOVIELENS_LIKE, "lab2_skew": SPECS["main"]}
#: The seed of the tables that the card measures.
CARD_SEED = 1
_NEEDED = ("ratings", "users", "items", "top_users", "top_items")


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
    """The card's table: the real ratings, as the MovieLens card states them, and each preset."""
    generated = {
        f"`--like {name}`": measured_skew(generate(spec, CARD_SEED)) for name, spec in PRESETS.items()
    }
    return card.with_columns_of(card.read(HERE.parent / "movielens" / "README.md"), card.table(generated))


def _prepare(options: argparse.Namespace) -> None:
    if options.out is None:
        raise DataError("--out FOLDER is missing: where shall the Parquet files go?")
    if options.out.exists():
        raise DataError(f"{options.out} is there already: remove it, or name another folder.")
    ratings = generate(_spec(options), options.seed)
    write_parquet(ratings, options.out)
    print(f"{options.out}: {len(ratings):,} ratings, seed {options.seed}\n")
    print(card.table({"generated": measured_skew(ratings)}))


def _spec(options: argparse.Namespace) -> RatingsSpec:
    given = [name for name in (*_NEEDED, "hot_user", "hot_item") if getattr(options, name)]
    if options.like:
        if given:
            raise DataError(
                f"--like {options.like} has all its figures already: leave {_option(given[0])} out, "
                "or --like. Its size changes with --scale."
            )
        spec: RatingsSpec = PRESETS[options.like]
    else:
        missing = [_option(name) for name in _NEEDED if getattr(options, name) is None]
        if missing:
            raise DataError(f"{', '.join(missing)} missing: give all five, or --like {' or '.join(PRESETS)}.")
        figures = {name: getattr(options, name) for name in _NEEDED}
        spec = RatingsSpec(**figures, hot_users=tuple(options.hot_user), hot_items=tuple(options.hot_item))
        spec = calibrated(spec, options.seed)
    return spec if options.scale == 1.0 else spec.scaled(options.scale)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("--like", choices=PRESETS, help="the figures of MovieLens latest-small or of a lab")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many ratings (default: 1)")
    parser.add_argument("--ratings", type=int, metavar="N", help="how many ratings")
    parser.add_argument("--users", type=int, metavar="N", help="how many users")
    parser.add_argument("--items", type=int, metavar="N", help="how many items")
    parser.add_argument(
        "--top-users", type=float, metavar="SHARE", help="share of the ratings of the top 1 %% of users"
    )
    parser.add_argument(
        "--top-items", type=float, metavar="SHARE", help="share of the ratings of the top 1 %% of items"
    )
    parser.add_argument(
        "--hot-user",
        type=float,
        action="append",
        default=[],
        metavar="SHARE",
        help="plants an account that has rated this share of the items (may be repeated)",
    )
    parser.add_argument(
        "--hot-item",
        type=float,
        action="append",
        default=[],
        metavar="SHARE",
        help="plants an item that this share of the users has rated (may be repeated)",
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same table (default: 0)")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where the files go; must not be there yet"
    )
    parser.add_argument(
        "--write-card", action="store_true", help="measure the presets and put the table into the README here"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
