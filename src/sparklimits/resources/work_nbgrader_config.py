"""The course's nbgrader settings, for the Validate button."""

from sparklimits.grading import nbgrader_settings

nbgrader_settings.apply(get_config())  # type: ignore[name-defined]  # noqa: F821
