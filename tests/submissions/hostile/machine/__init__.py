"""Attacks on the machine that grades, and on everybody else's files."""
