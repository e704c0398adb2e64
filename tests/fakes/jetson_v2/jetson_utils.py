"""The package of version 2 where what it imports is missing."""

raise ImportError("No module named 'termcolor'")
