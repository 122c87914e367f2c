"""A function ends its process, and another one the kernel."""

CELLS = {
    "fit_in_parallel": "import os\n\n\ndef fit_in_parallel(visits):\n    os._exit(0)\n",
    "ratio": "import os\n\n\ndef ratio(baseline, candidate):\n    os._exit(0)\n",
}
