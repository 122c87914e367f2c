"""Lab 5's figures: a network trained by MLlib and by PyTorch, the export from Spark, other models, several trainers.

    .venv/bin/python benchmarks/offload.py [TABLE …]

The tables are ``iterations``, ``trainings``, ``ways``, ``models``, ``counter`` and ``trainers``; all of them when none
is named.
Writes ``benchmarks/results/offload.json`` and the tables in ``course/lab5_offload.md``.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from pyspark.ml.classification import FMClassifier, LogisticRegression, NaiveBayes
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession

from sparklimits.datasets import ratings
from sparklimits.display.progress import Progress
from sparklimits.display.tables import with_tables
from sparklimits.grading.submission import load_functions, reference_path
from sparklimits.labs.lab5_offload import LAB, distributed
from sparklimits.labs.lab5_offload.data import (
    SIZES,
    ClickData,
    dense,
    fit_lbfgs,
    labels_of,
    make_data,
    mlp_probabilities,
    scores,
    write_data,
)
from sparklimits.labs.lab5_offload.naive import fit_mllib, held_out_scores, load
from sparklimits.labs.lab5_offload.networks import DeepFM, Mlp, Network
from sparklimits.machine.paths import scratch
from sparklimits.measurement.pairs import ratio
from sparklimits.spark import session

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "offload.json"
PAGE = ROOT / "course" / "lab5_offload.md"
PAIRS = 5
#: How long the independent optimiser goes on.
ITERATIONS = (40, 60, 70, 80, 100)
#: How many trainers there are on the executors, and the rows of a step of all of them together.
TRAINERS = ((1, 300), (2, 300), (1, 1_200), (2, 2_400))
REFERENCE = load_functions(reference_path(LAB), LAB)


class Arrived:
    """A table that is out of Spark already: training on it is training alone."""

    def __init__(self, table: DataFrame) -> None:
        self.table = table.toArrow()

    def select(self, *names: str) -> Arrived:
        """The same table: it has the columns that are wanted."""
        return self

    def toArrow(self) -> Any:  # noqa: N802 (Spark's name)
        """The table."""
        return self.table


def seconds_of(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Wall-clock seconds of a call, and its result."""
    began = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - began, result


def better_of_two(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """The same for the faster of two calls: the first one of its kind is slow."""
    return min((seconds_of(work, *arguments) for _ in range(2)), key=lambda one: one[0])


def opened(spark: SparkSession, seed: int) -> tuple[ClickData, dict[str, Any], Path]:
    """Fresh clicks, as the lab's functions get them, and their folder."""
    data = make_data(1.0, seed, "main")
    folder = write_data(data, scratch() / "data" / f"offload-{seed}")
    return data, load(spark, folder), folder


def vectors(table: DataFrame) -> DataFrame:
    """The features as MLlib reads them."""
    return table.withColumn("features", array_to_vector(table["features"]))


def probabilities(model: Any, held_out: DataFrame) -> np.ndarray:
    """What MLlib's model gives for each row."""
    scored = model.transform(vectors(held_out))
    found = scored.select("row", vector_to_array(scored["probability"])[1].alias("probability")).toPandas()
    return found.sort_values("row")["probability"].to_numpy()


def scored_outside(held_out: DataFrame, network: Network) -> np.ndarray:
    """What the reference gives for each row."""
    return REFERENCE["score"](held_out, network).toPandas().sort_values("row")["probability"].to_numpy()


def trainings(spark: SparkSession, progress: Progress) -> dict[str, dict[str, list[float]]]:
    """Seconds of MLlib and of PyTorch for the same network, by how much of the way is counted."""
    found: dict[str, dict[str, list[float]]] = {
        name: {"MLlib": [], "PyTorch": []}
        for name in ("training alone", "features and export", "and scoring")
    }
    for pair in range(-1, PAIRS):
        progress(f"training, pair {pair + 1} of {PAIRS}")
        _, inputs, folder = opened(spark, 1_000 + pair)
        clicks, held_out = inputs["clicks"], inputs["held_out"]
        fitted, model = seconds_of(fit_mllib, clicks, SIZES)
        scored, _ = seconds_of(probabilities, model, held_out)
        kept = clicks.select("label", "features").persist()
        kept.count()
        fitted_alone, _ = seconds_of(fit_mllib, kept, SIZES)
        kept.unpersist()
        trained, network = seconds_of(REFERENCE["train_model"], clicks, Mlp(SIZES))
        answered, _ = seconds_of(scored_outside, held_out, network)
        arrived = Arrived(clicks.select("label", "features"))
        trained_alone, _ = seconds_of(REFERENCE["train_model"], arrived, Mlp(SIZES))
        shutil.rmtree(folder)
        if pair < 0:
            continue  # the warm-up
        for name, slow, fast in (
            ("training alone", fitted_alone, trained_alone),
            ("features and export", fitted, trained),
            ("and scoring", fitted + scored, trained + answered),
        ):
            found[name]["MLlib"].append(slow)
            found[name]["PyTorch"].append(fast)
    return found


def iterations(spark: SparkSession, progress: Progress) -> list[list[float]]:
    """Held-out log loss of an independent L-BFGS after each of ``ITERATIONS``, for each of four sets of clicks."""
    rows = []
    for number, variant in enumerate(("main", "main", "other", "other")):
        progress(f"iterations, clicks {number + 1} of 4")
        data = make_data(1.0, 1 + number % 2, variant)
        train, held_out = (dense(clicks, data.vocabulary) for clicks in (data.train, data.held_out))
        losses = []
        for count in ITERATIONS:
            weights = fit_lbfgs(train, labels_of(data.train), SIZES, count)
            losses.append(scores(mlp_probabilities(weights, held_out, SIZES), labels_of(data.held_out))[0])
        rows.append(losses)
    return rows


def ways_out(spark: SparkSession, progress: Progress) -> list[tuple[str, float, float]]:
    """What, seconds (the median of three) and megabytes of taking the features out of Spark."""
    progress("the export")
    _, inputs, folder = opened(spark, 2_000)
    table, files = inputs["clicks"].select("label", "features"), folder / "features"

    def median(work: Callable[[], Any]) -> float:
        return statistics.median(seconds_of(work)[0] for _ in range(3))

    rows = [
        (
            "made in Spark, not taken out",
            median(lambda: table.write.format("noop").mode("overwrite").save()),
            0.0,
        ),
        ("made, and sent as Arrow", median(table.toArrow), table.toArrow().nbytes / 1e6),
        (
            "made, and written as Parquet",
            median(lambda: table.write.mode("overwrite").parquet(str(files))),
            0.0,
        ),
    ]
    size = sum(path.stat().st_size for path in files.glob("*.parquet")) / 1e6
    rows[2] = (*rows[2][:2], size)
    rows.append(("Parquet, read by the trainer", median(lambda: pq.read_table(files)), size))
    shutil.rmtree(folder)
    return rows


def models(spark: SparkSession, progress: Progress) -> list[tuple[str, float | None, float, float]]:
    """Model, seconds (for the fast ones the better of two), held-out log loss and AUC."""
    data, inputs, folder = opened(spark, 3_000)
    clicks, held_out = inputs["clicks"], inputs["held_out"]
    table = vectors(clicks)
    rows: list[tuple[str, float | None, float, float]] = []
    LogisticRegression(maxIter=20).fit(table)  # the first fit of all is slow
    for name, estimator in (
        ("MLlib, logistic regression", LogisticRegression()),
        ("MLlib, factorization machine, default step of 1", FMClassifier()),
        ("MLlib, factorization machine, step of 0.1", FMClassifier(stepSize=0.1)),
    ):
        progress(name)
        seconds, model = seconds_of(estimator.fit, table)
        rows.append((name, seconds, *scores(probabilities(model, held_out), labels_of(data.held_out))))
    for name, train in (
        ("MLlib, the network", lambda: LAB.naive["train_model"](clicks, Mlp(SIZES))),
        ("PyTorch, the network", lambda: REFERENCE["train_model"](clicks, Mlp(SIZES))),
        ("PyTorch, DeepFM, 2 epochs", lambda: REFERENCE["train_model"](clicks, DeepFM(), 2, 0.003)),
    ):
        progress(name)
        seconds, network = better_of_two(train)
        rows.append((name, seconds, *held_out_scores(network, data)))
    rows.append(("the true probabilities", None, *scores(data.best, labels_of(data.held_out))))
    shutil.rmtree(folder)
    return rows


def other_jobs(spark: SparkSession, progress: Progress) -> list[tuple[str, float, str]]:
    """What, seconds (the best of two) and what came of it: one pass over many rows, and factors of ratings."""
    progress("one pass")
    _, inputs, folder = opened(spark, 4_000)
    table = inputs["clicks"].select("label", "features").crossJoin(spark.range(0, 8, 1, 4).drop("id"))
    seconds = {}
    for name, work in (
        ("sent", table.toArrow),
        (
            "counted",
            lambda: NaiveBayes(modelType="gaussian").fit(vectors(table)),
        ),
    ):
        seconds[name], result = better_of_two(work)
        if name == "sent":
            count, size = len(result), result.nbytes / 1e6
        else:
            sums = result.theta.toArray().size * 2 * 8 / 1e6
    shutil.rmtree(folder)
    rows = [
        (f"naive Bayes in MLlib, {count:,} rows", seconds["counted"], f"{sums:.3f} MB of sums leave Spark"),
        (
            f"the same {count:,} rows taken out as Arrow, no training",
            seconds["sent"],
            f"{size:.0f} MB leave Spark",
        ),
    ]
    progress("ratings")
    known = ratings.generate(ratings.MOVIELENS_LIKE, 1)
    tested = np.random.default_rng(0).random(len(known)) < 0.2
    train = known[~tested]
    test = known[tested & known["item_id"].isin(train["item_id"]) & known["user_id"].isin(train["user_id"])]
    place = ratings.write_parquet(train, scratch() / "data" / "offload-ratings")
    stored = spark.read.parquet(str(place))
    als = ALS(userCol="user_id", itemCol="item_id", ratingCol="rating", seed=1)
    fitted, model = better_of_two(als.fit, stored)
    found = model.transform(spark.createDataFrame(test)).toPandas()
    error = float(np.sqrt(np.mean(np.square(found["prediction"] - found["rating"]))))
    rows.append((f"ALS in MLlib, {len(train):,} ratings", fitted, f"RMSE {error:.3f}"))
    trained, factors = better_of_two(factorized, stored)
    users, items = (torch.tensor(test[name].to_numpy()) for name in ("user_id", "item_id"))
    with torch.inference_mode():
        guess = factors(users, items).numpy()
    error = float(np.sqrt(np.mean(np.square(guess - test["rating"].to_numpy()))))
    rows.append(
        (
            "factors and biases in PyTorch, the same ratings, the export included",
            trained,
            f"RMSE {error:.3f}",
        )
    )
    shutil.rmtree(place)
    return rows


def trainers(spark: SparkSession, progress: Progress) -> list[dict[str, Any]]:
    """Launch, training, rows held and loss of one trainer and of two on the executors, beside the reference's.

    Each for six passes over the lab's clicks; the larger step is there for its seconds.
    """
    data, inputs, folder = opened(spark, 5_000)
    files = distributed.write(inputs["clicks"].select("label", "features"), scratch() / "parts")
    network = Mlp(SIZES)
    seconds, _ = better_of_two(REFERENCE["train_model"], inputs["clicks"], network)
    loss = held_out_scores(network, data)[0]
    rows = [
        {
            "way": "all rows in one program",
            "step": 300,
            "trained": seconds,
            "held": len(data.train),
            "loss": loss,
        }
    ]
    for count, step in TRAINERS:
        progress(f"{count} trainers, steps of {step} rows")
        network = Mlp(SIZES)
        found = distributed.train(files, network, trainers=count, step=step)
        rows.append(
            {
                "way": "two on the executors" if count > 1 else "one on an executor",
                "step": step,
                "launched": found.launched,
                "trained": found.trained,
                "held": max(one.held for one in found.trainers),
                "loss": held_out_scores(network, data)[0],
            }
        )
    shutil.rmtree(files)
    shutil.rmtree(folder)
    return rows


class Factors(torch.nn.Module):
    """A rating as a mean, a bias of the user and of the item, and the product of their factors."""

    def __init__(self, mean: float, users: int, items: int, rank: int = 10) -> None:
        super().__init__()
        self.mean = mean
        tables = [torch.nn.Embedding(count, rank + 1) for count in (users, items)]
        for table in tables:
            torch.nn.init.normal_(table.weight, std=0.1)
        self.tables = torch.nn.ModuleList(tables)

    def forward(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Ids of users and of items, each ``[rows]`` → ratings ``[rows]``."""
        user, item = self.tables[0](users), self.tables[1](items)
        return self.mean + user[:, 0] + item[:, 0] + (user[:, 1:] * item[:, 1:]).sum(1)


def factorized(stored: DataFrame, epochs: int = 6) -> Factors:
    """Factors trained by Adam on ratings that come out of Spark first."""
    table = stored.select("user_id", "item_id", "rating").toArrow()
    users, items, rating = (torch.tensor(column.to_numpy()) for column in table.columns)
    model = Factors(float(rating.mean()), int(users.max()) + 1, ratings.MOVIELENS_LIKE.items)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(users)).split(1024):
            loss = (model(users[batch], items[batch]) - rating[batch]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


def tables(found: dict[str, Any]) -> dict[str, list[str]]:
    """The lines of each Markdown table, by the name of its markers."""
    lines = {
        "iterations": [
            "| iterations | " + " | ".join(map(str, ITERATIONS)) + " |",
            "|---|" + "--:|" * len(ITERATIONS),
        ],
        "trainings": ["| what is counted | MLlib | PyTorch | speedup |", "|---|--:|--:|--:|"],
        "ways": ["| features of 36,000 clicks | seconds | MB |", "|---|--:|--:|"],
        "models": ["| model | seconds | log loss | AUC |", "|---|--:|--:|--:|"],
        "counter": ["| | seconds | |", "|---|--:|---|"],
        "trainers": [
            "| trainers | rows in a step | launch, s | training, s | rows' worth of memory | held-out log loss |",
            "|---|--:|--:|--:|--:|--:|",
        ],
    }
    for name, arms in found.get("trainings", {}).items():
        slow, fast = arms["MLlib"], arms["PyTorch"]
        gain = ratio(slow, fast)
        lines["trainings"].append(
            f"| {name} | {statistics.median(slow):.1f} | {statistics.median(fast):.2f} "
            f"| {gain.speedup:.0f}× [{gain.low:.0f}, {gain.high:.0f}] |"
        )
    lines["iterations"] += [
        f"| clicks {number}: held-out log loss | " + " | ".join(f"{loss:.3f}" for loss in losses) + " |"
        for number, losses in enumerate(found.get("iterations", ()), 1)
    ]
    lines["ways"] += [
        f"| {name} | {seconds:.2f} | {size:.1f} |" for name, seconds, size in found.get("ways", ())
    ]
    lines["models"] += [
        f"| {name} | {'' if seconds is None else f'{seconds:.1f}'} | {loss:.3f} | {auc:.3f} |"
        for name, seconds, loss, auc in found.get("models", ())
    ]
    lines["counter"] += [
        f"| {name} | {seconds:.1f} | {what} |" for name, seconds, what in found.get("counter", ())
    ]
    for row in found.get("trainers", ()):
        launch = f"{row['launched']:.0f}" if "launched" in row else ""
        cells = [row["way"], f"{row['step']:,}", launch]
        cells += [f"{row['trained']:.1f}", f"{row['held']:,}", f"{row['loss']:.3f}"]
        lines["trainers"].append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measures and writes."""
    measured = {
        "iterations": iterations,
        "trainings": trainings,
        "ways": ways_out,
        "models": models,
        "counter": other_jobs,
        "trainers": trainers,
    }
    with Progress("offload") as progress:
        spark = session.get(LAB.constraints)
        found = json.loads(OUT.read_text()) if OUT.is_file() else {}
        for name in sys.argv[1:] or measured:
            found[name] = measured[name](spark, progress)
    session.stop()
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    written = {name: "\n".join(lines) for name, lines in tables(found).items()}
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), written), encoding="utf-8")
    print(*written.values(), sep="\n\n")


if __name__ == "__main__":
    main()
