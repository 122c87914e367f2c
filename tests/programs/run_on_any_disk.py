"""The command `sparklimits`, with another limit of free disk space: ``MIN_FREE_BYTES``."""

import os
import sys

from sparklimits import cli
from sparklimits.machine import paths

if __name__ == "__main__":
    paths.MIN_FREE_BYTES = int(os.environ.get("MIN_FREE_BYTES", paths.MIN_FREE_BYTES))
    sys.exit(cli.main(sys.argv[1:]))
