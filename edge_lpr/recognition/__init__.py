"""From pixels to plates: detection, rectification, reading, and the national formats."""
