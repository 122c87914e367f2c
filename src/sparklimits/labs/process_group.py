"""A network as a member of PyTorch's process group, which is left in the right order."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


def in_group(network: nn.Module, work: Callable[[DistributedDataParallel], Any]) -> Any:
    """What ``work`` makes of the network as a member of the process group, which is left afterwards.

    DDP must go before its group does. In the other order the group's threads are waited for by a thread that holds
    Python's lock, and one of them may be waiting for that lock (seen with PyTorch 2.13 and gloo: both wait for ever).
    """
    try:
        return work(DistributedDataParallel(network))
    finally:
        gc.collect()
        distributed.destroy_process_group()
