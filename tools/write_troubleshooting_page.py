"""Writes course/troubleshooting.md from the one table of messages.

.venv/bin/python tools/write_troubleshooting_page.py
"""

from __future__ import annotations

from sparklimits.display.troubleshooting import page
from sparklimits.machine.paths import project_root


def main() -> None:
    """Writes the page."""
    (project_root() / "course" / "troubleshooting.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
