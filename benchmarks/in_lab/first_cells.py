"""What the first cells of a notebook do: a session with an executor on each worker, and a job.

python first_cells.py
"""

from __future__ import annotations

from sparklimits.notebook import open_lab


def main() -> None:
    """Opens the lab, as a notebook does, and runs a job."""
    lab = open_lab("lab2_skew")
    assert lab.spark.range(100).count() == 100


if __name__ == "__main__":
    main()
