"""Attacks in the notebook's kernel: on what gives points, shows results, or measures."""
