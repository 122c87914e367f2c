"""Whether the student has read the evidence rightly, limit by limit."""

from __future__ import annotations

from collections.abc import Mapping

#: Numbers of an impression, and the bytes of each: what making the features shuffles is compared with that.
_NUMBERS, _BYTES = 5, 8


def judge_evidence(
    said: Mapping[str, object], whole: Mapping[str, float], part: Mapping[str, float], impressions: int
) -> list[bool]:
    """For each limit, whether ``said`` has the "yes" or "no" of the counters of the whole and of the features once."""
    truth = {
        "recomputation": whole["input_records"] > 1.5 * part["input_records"],
        "network": part["shuffle_bytes"] > 10 * impressions * _NUMBERS * _BYTES,
        "skew": whole["straggler_ratio"] > 2,
        "synchronisation": whole["jobs"] > 50,
        "spill": whole["memory_spilled_bytes"] > 0,
    }
    return [said.get(name) == ("yes" if answer else "no") for name, answer in truth.items()]
