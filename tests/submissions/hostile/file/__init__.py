"""Attacks in the file itself, before anything of it runs."""
