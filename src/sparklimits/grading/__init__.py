"""From a notebook that was handed in to a score."""
