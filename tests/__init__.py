"""The tests. What is set here is set before NumPy and PyTorch are imported."""

import os

# Two processes share the cores: a second thread of linear algebra would spin while it waits for a core of its own, and
# an optimiser would take five times as long.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
