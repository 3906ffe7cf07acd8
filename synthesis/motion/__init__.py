"""How bodies move: built-in motions, motion capture files, retargeting, placement on the floor."""
