"""An independent detector of people and their joints, in an interpreter of its own."""
