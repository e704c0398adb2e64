"""The gate daemon: cameras to arrivals to decisions to the barrier, and how it does."""
