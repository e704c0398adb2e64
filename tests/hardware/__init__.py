"""Opt-in checks on the hardware itself: `python -m tests.hardware`. pytest collects nothing here."""
