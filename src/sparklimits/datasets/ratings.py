"""Seeded ratings of any size with a chosen skew.

Popularity of items and activity of users follow power laws; a few *hot* keys can be planted on top. Users and
items belong to taste groups, and a user rates the items of the own group more often and higher, so that two
items of one group are rated together more often than chance says: there is something to learn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import brentq

from sparklimits.datasets.parts import write_parts

SCHEMA = pa.schema(
    [("user_id", pa.int32()), ("item_id", pa.int32()), ("rating", pa.float32()), ("ts", pa.int64())]
)
OWN_GROUP_SHARE = 0.5
#: How far, as a share of each figure, a calibrated table may be from what was chosen.
CALIBRATED = 0.03
CALIBRATION_ROUNDS = 12


@dataclass(frozen=True)
class RatingsSpec:
    """What to generate.

    ``top_users`` and ``top_items`` are the share of all *draws* that the top 1 % of users and of items get. Nobody
    rates an item twice, so that a table where many users rated a popular item comes out less skewed than that;
    :func:`calibrated` finds the shares with which a chosen skew is what comes out.
    ``hot_users`` plants accounts: each number is the share of the catalogue that the account has rated.
    ``hot_items`` plants items: each number is the share of the users that have rated the item. ``days`` is the
    length of time over which the ratings are spread. ``flat_head`` flattens the first ranks of the power laws
    (Mandelbrot's shift, as a share of the ranks): real ratings have no item that everybody rated.
    """

    ratings: int
    users: int
    items: int
    top_users: float
    top_items: float
    hot_users: tuple[float, ...] = ()
    hot_items: tuple[float, ...] = ()
    days: float = 365.0
    flat_head: float = 0.0
    groups: int = 12

    def __post_init__(self) -> None:
        for name in ("ratings", "users", "items", "groups", "days"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")
        if self.ratings > self.users * self.items:
            raise ValueError(
                f"{self.users} users and {self.items} items allow {self.users * self.items} ratings at most, "
                f"because nobody rates an item twice; {self.ratings} are wanted"
            )
        if not self.flat_head >= 0:
            raise ValueError(f"flat_head must be 0 or more, not {self.flat_head}")
        for name, keys in (("hot_users", self.users), ("hot_items", self.items)):
            shares = getattr(self, name)
            if len(shares) >= keys:
                raise ValueError(f"{name}: {len(shares)} hot keys do not fit in {keys}")
            for share in shares:
                if not 0 < share <= 1:
                    raise ValueError(f"{name}: {share} is no share; write a number above 0 and up to 1")

    def scaled(self, scale: float) -> RatingsSpec:
        """The same skew with ``scale`` times the ratings.

        The catalogue grows with the square root, so that the pairs of a hot account, which grow with the
        square of its ratings, keep their share of the work.
        """
        return replace(
            self,
            ratings=round(self.ratings * scale),
            users=round(self.users * scale),
            items=round(self.items * scale**0.5),
        )


#: Calibrated to MovieLens latest-small. ``top_items`` is nominal: popular items saturate, because nobody rates one
#: twice, so that the measured share comes out at the 0.157 of the real file.
MOVIELENS_LIKE = RatingsSpec(
    ratings=100_836, users=610, items=9_724, top_users=0.117, top_items=0.28, days=8_000.0, flat_head=0.003
)


def generate(spec: RatingsSpec, seed: int) -> pd.DataFrame:
    """Ratings in random order: ``user_id``, ``item_id``, ``rating`` (0.5 … 5 in halves), ``ts`` (seconds).

    A user rates an item at most once. Keys carry no meaning: hot keys get random numbers like all others.
    The number of rows comes out within a few per cent of ``spec.ratings`` plus the planted ones.
    """
    rng = np.random.default_rng(seed)
    popularity = _weights(spec.items, spec.top_items, spec.flat_head)
    activity = np.maximum(
        1, np.round(_weights(spec.users, spec.top_users, spec.flat_head) * spec.ratings)
    ).astype(int)
    activity = np.minimum(activity, spec.items)
    item_group = rng.integers(0, spec.groups, spec.items)
    user_group = rng.integers(0, spec.groups, spec.users)

    heavy = activity > max(20, spec.items // 100)
    users, items = _light_users(rng, np.where(heavy, 0, activity), user_group, popularity, item_group)
    parts = [(users, items)]
    for user in np.flatnonzero(heavy).tolist():
        parts.append(
            _heavy_user(rng, user, int(activity[user]), int(user_group[user]), popularity, item_group)
        )
    # Planted keys take the last ranks of the power laws: they are nobody and nothing before.
    for rank, share in enumerate(spec.hot_users, start=1):
        chosen = rng.choice(spec.items, round(share * spec.items), replace=False)
        parts.append((np.full(len(chosen), spec.users - rank), chosen))
    for rank, share in enumerate(spec.hot_items, start=1):
        chosen = rng.choice(spec.users, round(share * spec.users), replace=False)
        parts.append((chosen, np.full(len(chosen), spec.items - rank)))
    users = np.concatenate([part[0] for part in parts])
    items = np.concatenate([part[1] for part in parts])
    pair = np.unique(users.astype(np.int64) * spec.items + items)
    users, items = np.divmod(rng.permutation(pair), spec.items)

    same = user_group[users] == item_group[items]
    score = (
        3.3
        + rng.normal(0, 0.45, spec.items)[items]
        + rng.normal(0, 0.4, spec.users)[users]
        + 0.6 * same
        + rng.normal(0, 0.8, len(users))
    )
    return pd.DataFrame(
        {
            "user_id": rng.permutation(spec.users)[users].astype("int32"),
            "item_id": rng.permutation(spec.items)[items].astype("int32"),
            "rating": (np.clip(np.round(score * 2), 1, 10) / 2).astype("float32"),
            "ts": 1_600_000_000 + rng.integers(0, round(spec.days * 86_400), len(users)),
        }
    )


def calibrated(spec: RatingsSpec, seed: int) -> RatingsSpec:
    """A specification whose *measured* number of ratings, ``top_users`` and ``top_items`` are those of ``spec``.

    Generates the table a few times and corrects by what came out. Planted keys count as they do in
    :func:`measured_skew`.

    Raises:
        ValueError: it cannot be reached to within ``CALIBRATED`` of each figure; the message says what can.
    """
    chosen = {name: float(getattr(spec, name)) for name in ("ratings", "top_users", "top_items")}
    trial = spec
    for _ in range(CALIBRATION_ROUNDS):
        found = measured_skew(generate(trial, seed))
        if all(abs(found[name] / chosen[name] - 1) <= CALIBRATED for name in chosen):
            return trial
        shares = {}
        for name, keys in (("top_users", spec.users), ("top_items", spec.items)):
            # Odds, not shares, are corrected: a share cannot pass 1, nor fall to that of equal keys.
            odds = _odds(getattr(trial, name)) * _odds(chosen[name]) / _odds(found[name])
            shares[name] = float(np.clip(odds / (1 + odds), 1.05 * max(1, keys // 100) / keys, 0.95))
        wanted = round(trial.ratings * chosen["ratings"] / found["ratings"])
        trial = replace(
            trial,
            ratings=min(wanted, spec.users * spec.items),
            top_users=shares["top_users"],
            top_items=shares["top_items"],
        )
    raise ValueError(
        "this skew cannot be reached with so many ratings, users and items, because nobody rates an item twice: "
        + ", ".join(f"{name} {chosen[name]:g} came out as {found[name]:.3g}" for name in chosen)
    )


def write_parquet(ratings: pd.DataFrame, folder: Path, files: int = 8) -> Path:
    """Writes the ratings as ``files`` Parquet files into the new folder, and returns it."""
    return write_parts(pa.Table.from_pandas(ratings, schema=SCHEMA, preserve_index=False), folder, files)


def measured_skew(ratings: pd.DataFrame) -> dict[str, float]:
    """How uneven a table of ratings is: the figures that a data card states.

    ``top_users`` and ``top_items``: share of the ratings owned by the top 1 %. ``top_user_pairs``: share of
    all pairs of items rated by one user that the top 1 % of users own. ``hottest_item``: share of the users
    that rated it. ``heaviest_user``: its number of ratings.
    """
    users = ratings["user_id"].value_counts().to_numpy().astype(float)
    items = ratings["item_id"].value_counts().to_numpy().astype(float)
    pairs = users * (users - 1) / 2

    def share_of_top(owned: NDArray[np.float64]) -> float:
        top = max(1, len(owned) // 100)
        return float(owned[:top].sum() / max(owned.sum(), 1.0))

    return {
        "ratings": float(len(ratings)),
        "users": float(len(users)),
        "items": float(len(items)),
        "top_users": share_of_top(users),
        "top_items": share_of_top(items),
        "top_user_pairs": share_of_top(pairs),
        "heaviest_user": float(users[0]),
        "hottest_item": float(items[0] / len(users)),
    }


def _odds(share: float) -> float:
    return share / (1 - share)


def _weights(size: int, top_share: float, flat_head: float) -> NDArray[np.float64]:
    """Power-law weights by rank, whose top 1 % sum up to ``top_share``."""
    top = max(1, size // 100)
    if not top / size < top_share < 1:
        raise ValueError(
            f"the top 1 % of {size} keys must own between {top / size:.3f} and 1, not {top_share}"
        )
    ranks = np.arange(1, size + 1, dtype=float) + flat_head * size

    def excess(exponent: float) -> float:
        weights = ranks**-exponent
        return float(weights[:top].sum() / weights.sum() - top_share)

    if excess(0.0) >= 0 or excess(10.0) <= 0:
        raise ValueError(f"no power law with flat_head {flat_head} gives the top 1 % a share of {top_share}")
    weights = ranks ** -brentq(excess, 0.0, 10.0, xtol=1e-4)
    return weights / weights.sum()


def _light_users(
    rng: np.random.Generator,
    activity: NDArray[np.int64],
    user_group: NDArray[np.int64],
    popularity: NDArray[np.float64],
    item_group: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws with replacement, all users at once; the few repeated draws are dropped by the caller."""
    users = np.repeat(np.arange(len(activity)), activity)
    own = rng.random(len(users)) < OWN_GROUP_SHARE
    items = np.empty(len(users), dtype=np.int64)
    items[~own] = rng.choice(len(popularity), size=int((~own).sum()), p=popularity)
    by_group = np.argsort(item_group, kind="stable")
    cumulated = np.concatenate([[0.0], np.cumsum(popularity[by_group])])
    edges = np.searchsorted(item_group[by_group], np.arange(item_group.max() + 2))
    group = np.minimum(user_group[users[own]], item_group.max())
    low, high = cumulated[edges[group]], cumulated[edges[group + 1]]
    drawn = np.searchsorted(cumulated, low + rng.random(len(group)) * (high - low), side="right") - 1
    items[own] = by_group[np.minimum(drawn, len(by_group) - 1)]
    return users, items


def _heavy_user(
    rng: np.random.Generator,
    user: int,
    count: int,
    group: int,
    popularity: NDArray[np.float64],
    item_group: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws without replacement, by the largest of the Gumbel-perturbed log weights."""
    own = item_group == group
    share = popularity[own].sum()
    boost = OWN_GROUP_SHARE / max(share, 1e-9)
    weights = popularity * np.where(own, (1 - OWN_GROUP_SHARE) + boost, 1 - OWN_GROUP_SHARE)
    keys = np.log(weights) + rng.gumbel(size=len(weights))
    chosen = np.argpartition(-keys, count - 1)[:count]
    return np.full(count, user), chosen
