"""The GPU, as far as PyTorch can use it: a card may be there that this PyTorch has no programs for."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

from sparklimits.errors import in_one_line
from sparklimits.machine import messages

if TYPE_CHECKING:
    import torch


@cache
def usable() -> bool:
    """Whether PyTorch can compute on a GPU here, tried once. Where one is there and cannot be used, a line says so."""
    if reason := refusal():
        print(reason)
    return refusal() == ""


@cache
def refusal() -> str | None:
    """Why the GPU that PyTorch finds cannot be used, one paragraph; empty when it can, nothing when there is none."""
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if not torch.cuda.is_available():
            # The driver may be there and be too old: PyTorch warns of it, and finds no card.
            reason = next((str(one.message) for one in said if "driver" in str(one.message).lower()), "")
            return messages.tell("gpu_not_used", reason=reason.split(". ")[0].strip(". ")) if reason else None
        try:
            ones = torch.ones(8, 8, device="cuda")
            (ones @ ones).sum().item()
        except Exception as error:  # PyTorch has several errors for it, by version
            return messages.tell("gpu_not_used", reason=in_one_line(error).rstrip("."))
    return ""


def device() -> torch.device:
    """Where to train: the GPU when PyTorch can use one, else the CPU. The one place that decides it."""
    import torch

    return torch.device("cuda" if usable() else "cpu")
