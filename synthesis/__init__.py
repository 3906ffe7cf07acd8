"""People that move, dressed, seen: motion, garments, cloth, scene, rendering, labels."""
