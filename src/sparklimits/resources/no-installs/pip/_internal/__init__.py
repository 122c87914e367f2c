"""Where programs look for pip's ``main``, though they should not."""

from pip import main

__all__ = ["main"]
