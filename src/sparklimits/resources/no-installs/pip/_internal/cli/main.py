"""Where the program ``pip`` itself looks for its ``main``."""

from pip import main

__all__ = ["main"]
