"""What a training asks of PyTorch, counted: operations, waits for a number, bytes that change place, rough products.

PyTorch hands every operation to a ``TorchDispatchMode`` before it runs it. Counting slows Python down, so nothing is
timed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

#: Calls of a tensor that hand its numbers to Python: Python goes on when the device has computed them.
_TO_PYTHON = {"item", "tolist", "numpy", "cpu", "__float__", "__int__", "__bool__", "__index__", "__array__"}


class Watch(TorchDispatchMode):
    """Counts what runs in its body.

    ``operations`` are those that Python asks PyTorch for, one by one. ``waits`` are for numbers of the device; what an
    optimiser reads of its own counters does not count, since those stay on the CPU. ``moved_bytes`` went from one
    device to another. A CUDA graph hides its operations: each of its ``replays`` counts as one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.waits = self.moved_bytes = self.replays = 0
        self._products = {False: 0, True: 0}
        self._numbers = _Numbers(self)
        self._in_optimizer = 0
        self._hooks: list[Any] = []

    def __enter__(self) -> Watch:
        def begins(*_: object) -> None:
            self._in_optimizer += 1

        def ends(*_: object) -> None:
            self._in_optimizer -= 1

        self._hooks = [register_optimizer_step_pre_hook(begins), register_optimizer_step_post_hook(ends)]
        self._replay = torch.cuda.CUDAGraph.replay
        torch.cuda.CUDAGraph.replay = self._replayed(self._replay)  # type: ignore[method-assign]
        self._numbers.__enter__()
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._numbers.__exit__(kind, error, trace)
        torch.cuda.CUDAGraph.replay = self._replay  # type: ignore[method-assign]
        for hook in self._hooks:
            hook.remove()

    def _replayed(self, replay: Callable[..., Any]) -> Callable[..., Any]:
        def counted(graph: Any) -> Any:
            self.operations += 1
            self.replays += 1
            return replay(graph)

        return counted

    def waited(self) -> None:
        """A number was handed to Python."""
        if not self._in_optimizer:
            self.waits += 1

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = function(*args, **(kwargs or {}))
        self.operations += 1
        packet = function.overloadpacket
        if packet in _COPIES:
            source = args[1] if packet is torch.ops.aten.copy_ else args[0]
            if isinstance(found, Tensor) and isinstance(source, Tensor) and found.device != source.device:
                self.moved_bytes += found.numel() * found.element_size()
        elif packet in flop_registry:
            rough = found.element_size() == 2 or _in_tf32(found)
            self._products[rough] += flop_registry[packet](*args, **(kwargs or {}), out_val=found)
        return found

    @property
    def wide(self) -> float:
        """Percent of the arithmetic of matrix products that was done on numbers of 32 bits."""
        return 100 * self._products[False] / max(1, sum(self._products.values()))

    @property
    def flops(self) -> int:
        """Operations of arithmetic in matrix products: a multiplication and an addition are two."""
        return sum(self._products.values())


class _Numbers(TorchFunctionMode):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch, self._inside = watch, False

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__name__", "") not in _TO_PYTHON or self._inside:
            return function(*args, **(kwargs or {}))
        self._inside = True  # one may call another
        try:
            self._watch.waited()
            return function(*args, **(kwargs or {}))
        finally:
            self._inside = False


_COPIES = {torch.ops.aten._to_copy, torch.ops.aten.copy_}


def _in_tf32(product: Tensor) -> bool:
    """Whether a GPU computed this float32 product in TF32."""
    return product.device.type == "cuda" and torch.get_float32_matmul_precision() != "highest"
