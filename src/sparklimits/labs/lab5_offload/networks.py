"""Networks that predict clicks, in PyTorch: from a logistic regression to DeepFM.

Each one reads one column of a table of clicks, a float32 tensor ``[rows, width]``, and gives the logit of a click for
each row, ``[rows]``; the sigmoid of that is the probability.

Two columns are known. ``features`` are numbers only, as MLlib wants them. ``fields`` are the ids of the categories,
then the numbers: an id is a whole number that float32 holds exactly (below 2^24), so that one tensor holds both.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from sparklimits.machine.gpu import device as device

#: Categories and numbers of a click.
IDS, NUMBERS = 26, 13
#: Ids of the categories are in 0 … ``BUCKETS`` − 1.
BUCKETS = 32_768


class Network(nn.Module):
    """What all networks are: ``column`` of the table that it reads, and the ``width`` of the arrays there."""

    column: str
    width: int


class Mlp(Network):
    """MLlib's multilayer perceptron: sigmoid in the hidden layers, softmax over two outputs.

    ``sizes`` are the widths of all layers, from the features to the 2 outputs.
    """

    column = "features"

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes, self.width = tuple(sizes), sizes[0]
        self.layers = nn.ModuleList(nn.Linear(width, following) for width, following in pairwise(sizes))

    def forward(self, features: Tensor) -> Tensor:
        """``[rows, sizes[0]]`` → ``[rows]``. The softmax of two outputs is the sigmoid of their difference."""
        *hidden, last = self.layers
        for layer in hidden:
            features = torch.sigmoid(layer(features))
        outputs = last(features)
        return outputs[:, 1] - outputs[:, 0]


class LogisticRegression(Network):
    """A weight for each id and for each number, and a bias."""

    column, width = "fields", IDS + NUMBERS

    def __init__(self) -> None:
        super().__init__()
        self.id_weights = nn.Embedding(BUCKETS, 1)
        self.number_weights = nn.Linear(NUMBERS, 1)
        nn.init.zeros_(self.id_weights.weight)

    def forward(self, fields: Tensor) -> Tensor:
        """``[rows, IDS + NUMBERS]`` → ``[rows]``."""
        ids, numbers = fields[:, :IDS].long(), fields[:, IDS:]
        return self.id_weights(ids).sum((1, 2)) + self.number_weights(numbers).squeeze(1)


class FactorizationMachine(LogisticRegression):
    """A logistic regression, plus the inner products of the vectors of every two fields (Rendle, ICDM 2010)."""

    def __init__(self, rank: int = 8) -> None:
        super().__init__()
        self.id_vectors = nn.Embedding(BUCKETS, rank)
        self.number_vectors = nn.Parameter(torch.empty(NUMBERS, rank))
        for vectors in (self.id_vectors.weight, self.number_vectors):
            nn.init.normal_(vectors, std=0.03)

    def forward(self, fields: Tensor) -> Tensor:
        """``[rows, IDS + NUMBERS]`` → ``[rows]``."""
        ids, numbers = fields[:, :IDS].long(), fields[:, IDS:]
        vectors = torch.cat([self.id_vectors(ids), numbers.unsqueeze(2) * self.number_vectors], dim=1)
        # Half of the square of the sum less the sum of the squares is the sum over all pairs (Rendle, lemma 3.1).
        pairs = (vectors.sum(1).square() - vectors.square().sum(1)).sum(1) / 2
        return super().forward(fields) + pairs


class DeepFM(FactorizationMachine):
    """A factorization machine, plus a network on the same vectors (Guo et al., "DeepFM", IJCAI 2017).

    ``hidden`` are the widths of the network's hidden layers.
    """

    def __init__(self, rank: int = 8, hidden: Sequence[int] = (64, 32)) -> None:
        super().__init__(rank)
        sizes = (IDS * rank + NUMBERS, *hidden)
        layers = [
            layer
            for width, following in pairwise(sizes)
            for layer in (nn.Linear(width, following), nn.ReLU())
        ]
        self.deep = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))

    def forward(self, fields: Tensor) -> Tensor:
        """``[rows, IDS + NUMBERS]`` → ``[rows]``."""
        ids, numbers = fields[:, :IDS].long(), fields[:, IDS:]
        inputs = torch.cat([self.id_vectors(ids).flatten(1), numbers], dim=1)
        return super().forward(fields) + self.deep(inputs).squeeze(1)
