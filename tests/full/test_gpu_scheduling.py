"""Spark's scheduling of GPUs, with a stand-in for the cards. No GPU is used."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch

from sparklimits.labs.lab7_gpu import gpu_worker, naive
from sparklimits.spark import session
from tests.standalone import Standalone
from tests.submissions import ROOT
from tests.unit.test_lab7 import function

CARDS = '#!/bin/sh\n[ "$*" = "--query-gpu=index --format=csv,noheader" ] && printf "5\\n7\\n"\n'


def test_spark_hands_its_cards_to_tasks_and_to_the_training(
    standalone: Standalone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in = tmp_path / "bin" / "nvidia-smi"
    stand_in.parent.mkdir()
    stand_in.write_text(CARDS)
    stand_in.chmod(0o755)
    path = f"{stand_in.parent}:/usr/bin:/bin"
    script = ROOT / "docker" / "discover-gpu"
    said = subprocess.run([script], env={"PATH": path}, capture_output=True, check=True).stdout
    assert json.loads(said) == {"name": "gpu", "addresses": ["5", "7"]}
    standalone.add_worker()  # this one has none
    options = f"-Dspark.worker.resource.gpu.amount=2 -Dspark.worker.resource.gpu.discoveryScript={script}"
    standalone.add_worker(SPARK_WORKER_OPTS=options, PATH=path)
    spark = session.get(gpu_worker.GPU)

    def cards_of_this_task(_: int) -> tuple[str, ...]:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        return tuple(context.resources()["gpu"].addresses)

    found = spark.sparkContext.parallelize(range(4), 4).map(cards_of_this_task).collect()
    assert len(set(found)) == 1
    assert found[0] in (("5",), ("7",))
    trained = gpu_worker.train(spark, function("reference", "train_epoch"))
    assert trained["cards"] == found[0][0]
    assert trained["group"] == 1
    assert 0.3 < trained["loss"] < 0.7
    if not torch.cuda.is_available():
        assert trained["device"] == "CPU"
        gpu_worker.show(naive.train_epoch)
        assert "No worker of this cluster has a GPU" in capsys.readouterr().out
