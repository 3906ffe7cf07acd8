"""Cycles, Blender's path tracer, as a renderer of its own kind, under the `blender` extra."""
