"""Blender's cloth as an engine of its own kind: a cross-check of ours, under the `blender` extra."""
