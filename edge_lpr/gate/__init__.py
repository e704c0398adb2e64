"""From sightings to a decision. Pure but for `lists_file.py`: the moment comes in as an argument."""
