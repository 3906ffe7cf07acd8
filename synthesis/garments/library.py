"""The wardrobe: outfits by name."""

from __future__ import annotations

# Inner garments first. The patterns are in library/*.json.
OUTFITS: dict[str, tuple[str, ...]] = {
    "tshirt_trousers": ("trousers", "tshirt"),
    "tshirt_shorts": ("shorts", "tshirt"),
}
