"""Programs that need `bpy`, each in a process of its own: the one place that finds, starts and restarts them."""
