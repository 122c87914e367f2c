"""``python -m pip``, and with it ``%pip``."""

from pip import main

raise SystemExit(main())
