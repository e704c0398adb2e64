"""Hanging a camera well: one car is watched, and what its plate looked like is judged."""
