"""Deferred OpenGL renderer on EGL: a GPU, or Mesa on the CPU."""
