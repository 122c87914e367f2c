"""The cluster of containers. Nothing here knows a lab."""
