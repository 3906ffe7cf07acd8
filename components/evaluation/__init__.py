"""Metrics in TFMA, the gate, and the results page."""
