"""The course's data: seeded ratings with a chosen skew, and the real MovieLens files."""
