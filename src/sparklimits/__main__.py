"""``python -m sparklimits`` is the command ``sparklimits``."""

import sys

from sparklimits.cli import main

sys.exit(main())
