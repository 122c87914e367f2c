"""The small library that the course's notebooks import: sessions, measurements, evidence and pictures."""

from importlib.metadata import version

__version__ = version("sparklimits")
