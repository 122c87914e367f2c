"""Gets a MovieLens release, checks every row of it, and prints its measured skew. See the README beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sparklimits.datasets import card, movielens
from sparklimits.datasets.ratings import measured_skew
from sparklimits.errors import SparkLimitsError

HERE = Path(__file__).resolve().parent
#: Releases that this loader has read; the others are known by their publisher's description only.
TRIED = ("ml-latest-small",)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; an error made for the reader ends in one line and code 1."""
    options = _parser().parse_args(arguments)
    try:
        _prepare(options)
    except (SparkLimitsError, OSError) as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 1
    return 0


def _prepare(options: argparse.Namespace) -> None:
    if options.folder:
        folder = options.folder
    else:
        if options.release not in TRIED:
            print(
                f"Note: {options.release} is read by this loader untested; only {', '.join(TRIED)} was tried."
            )
        print(f"{options.release}: downloading to {HERE / 'data'}, unless it is there", flush=True)
        folder = movielens.download(options.release, HERE / "data")
    ratings = movielens.load(folder)
    measured = card.table({f"MovieLens {folder.resolve().name}": measured_skew(ratings)})
    print(f"{folder}: {len(ratings):,} ratings, every row is good\n\n{measured}")
    if options.write_card:
        card.write(HERE / "README.md", measured)
        print(f"written into {HERE / 'README.md'}")
    print(f"Use it:  sparklimits run lab2_skew --data {folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument(
        "--release",
        choices=movielens.RELEASES,
        default=movielens.RELEASES[0],
        metavar="NAME",
        help=f"{', '.join(movielens.RELEASES)} (default: %(default)s)",
    )
    parser.add_argument(
        "--folder", type=Path, help="an unpacked release that is there already; nothing is downloaded"
    )
    parser.add_argument(
        "--write-card", action="store_true", help="put the measured table into the README beside this file"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
