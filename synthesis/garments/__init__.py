"""Garments as 2D sewing patterns: graded to a body, meshed, placed around it, ready to be draped."""
