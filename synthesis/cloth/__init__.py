"""Cloth physics: implicit integration of garments against a moving body (Baraff and Witkin 1998)."""
