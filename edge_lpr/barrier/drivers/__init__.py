"""One module for each family of devices: their bytes and replies, nothing else."""
