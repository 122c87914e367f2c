"""Trains on the executors: each of several processes reads its own part of Parquet files, in batches, and all keep one
network between them.

``TorchDistributor`` starts the processes as tasks of one barrier stage. After each step they average their gradients
(PyTorch's ``DistributedDataParallel``, DDP, over gloo). No process holds more rows than it reads at a time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.utils.data import IterableDataset

from sparklimits.labs.lab5_offload.networks import Network
from sparklimits.labs.process_group import in_group
from sparklimits.machine.addresses import interface
from sparklimits.machine.paths import scratch

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Rows that a trainer reads at a time. Decoding takes the memory of about as many again, and twice that for a while.
READ = 1_200
#: Rows of one step, of all trainers together: as many as one trainer alone takes.
STEP = 300
#: Bytes of a file that are read at a time.
_BUFFER = 1 << 16
#: After so much silence of another trainer, one gives up.
_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Trainer:
    """What one process did: the row groups that it read, as (file's name, number), and the ``rows`` of all its passes.

    ``held`` is the most memory that Arrow had at any time, in rows of decoded features. ``seconds`` are those of its
    steps, with the reading, and ``weights`` its network afterwards, flat.
    """

    groups: tuple[tuple[str, int], ...]
    rows: int
    held: int
    seconds: float
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Training:
    """What the ``trainers`` did, and the ``seconds`` of it all, from the call to the weights' return."""

    trainers: tuple[Trainer, ...]
    seconds: float

    @property
    def trained(self) -> float:
        """Seconds of the slowest trainer."""
        return max(one.seconds for one in self.trainers)

    @property
    def launched(self) -> float:
        """Seconds that went into starting the processes, into their meeting and into their end."""
        return self.seconds - self.trained


class Part(IterableDataset[tuple[Tensor, Tensor]]):
    """A trainer's part of Parquet files: inputs ``[rows, width]`` with labels ``[rows]``, ``read`` rows at a time.

    The row groups of all files are dealt out in turn to the trainers, so that each row belongs to one of them. A pass
    takes them in random order.
    """

    def __init__(self, folder: Path, column: str, number: int, trainers: int, read: int = READ) -> None:
        """``number`` is this trainer's, from 0 on; ``column`` names the arrays of float to read."""
        groups = [
            (path, group)
            for path in sorted(folder.glob("*.parquet"))
            for group in range(pq.read_metadata(path).num_row_groups)
        ]
        self.groups, self.column, self.read = groups[number::trainers], column, read
        #: Rows that were read so far.
        self.taken = 0
        self.random = np.random.default_rng(number)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for place in self.random.permutation(len(self.groups)):
            path, group = self.groups[place]
            # Arrow would read a whole row group ahead. With a buffer it reads what the next rows need.
            with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
                columns = ["label", self.column]
                for rows in file.iter_batches(self.read, [group], columns, use_threads=False):
                    self.taken += len(rows)
                    arrays = rows.column(1).flatten().to_numpy().reshape(len(rows), -1)
                    # Copies: Arrow's memory may not be written.
                    yield torch.tensor(arrays), torch.tensor(rows.column(0).to_numpy(), dtype=torch.float32)


def write(table: DataFrame, folder: Path, trainers: int = 2) -> Path:
    """Writes the table into the folder, in four files of equal size for each trainer, and returns the folder."""
    table.repartition(4 * trainers).write.mode("overwrite").parquet(str(folder))
    return folder


def train(
    folder: Path, network: Network, trainers: int = 2, epochs: int = 6, rate: float = 0.015, step: int = STEP
) -> Training:
    """Trains the network on the executors of this session, each trainer on its part of the files in the folder.

    It needs a free slot for each trainer, all at once. The network has the new weights afterwards.
    """
    from pyspark.ml.torch.distributor import TorchDistributor

    began = time.perf_counter()
    # It writes a line for each start and each meeting to standard error.
    with open(scratch() / "driver.log", "a") as log, contextlib.redirect_stderr(log):
        distributor = TorchDistributor(num_processes=trainers, local_mode=False, use_gpu=False)
        found: Any = distributor.run(_train, str(folder), network, epochs, rate, step)
    vector_to_parameters(torch.from_numpy(found[0].weights), network.parameters())
    return Training(tuple(found), time.perf_counter() - began)


def fit(
    network: nn.parallel.DistributedDataParallel, part: Part, epochs: int, rate: float, step: int
) -> None:
    """One trainer's steps, each on ``step`` rows of its own part."""
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    # A trainer that has no more rows takes part in the others' averages until all are done.
    with network.join():
        for _ in range(epochs):
            for inputs, labels in part:
                for batch in torch.randperm(len(inputs)).split(step):
                    loss = binary_cross_entropy_with_logits(network(inputs[batch]), labels[batch])
                    optimizer.zero_grad()
                    loss.backward()  # and here DDP averages the gradients of all trainers
                    optimizer.step()


def _train(folder: str, network: Network, epochs: int, rate: float, step: int) -> list[Trainer]:
    """In a process on an executor: all steps of one trainer. Returns what each of them did."""
    if name := interface(os.environ["MASTER_ADDR"]):
        os.environ["GLOO_SOCKET_IFNAME"] = name
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", timeout=_PATIENCE)  # TorchDistributor has said where to meet
    number, trainers = distributed.get_rank(), distributed.get_world_size()
    torch.manual_seed(number)
    own = max(1, step // trainers)
    part = Part(Path(folder), network.column, number, trainers, max(READ, own))

    def work(grouped: nn.parallel.DistributedDataParallel) -> list[Trainer]:
        began = time.perf_counter()
        fit(grouped, part, epochs, rate, own)
        seconds = time.perf_counter() - began
        mine = Trainer(
            tuple((path.name, group) for path, group in part.groups),
            part.taken,
            round(pa.default_memory_pool().max_memory() / (4 * network.width)),
            seconds,
            parameters_to_vector(network.parameters()).detach().numpy(),
        )
        everyone: list[Any] = [None] * trainers
        distributed.all_gather_object(everyone, mine)
        return everyone

    found: list[Trainer] = in_group(network, work)
    return found
