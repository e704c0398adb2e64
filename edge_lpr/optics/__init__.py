"""What the plates' own pictures tell over days of the camera: a lens that gets dirty, a lamp that fails."""
