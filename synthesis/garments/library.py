"""The wardrobe: outfits by name."""

from __future__ import annotations

from synthesis.garments.expressions import PatternError
from synthesis.garments.pattern import SUFFIX, known_garments

# Inner garments first. The patterns are in library/*.json.
OUTFITS: dict[str, tuple[str, ...]] = {
    "tshirt_trousers": ("trousers", "tshirt"),
    "flounce_dress": ("flounce_dress",),
    "shirt_trousers": ("trousers", "shirt"),
    "sleeveless_dress": ("sleeveless_dress",),
    "tshirt_shorts": ("shorts", "tshirt"),
    "tank_skirt": ("skirt", "tank_top"),
    "tank_shorts": ("shorts", "tank_top"),
    "tshirt_skirt": ("skirt", "tshirt"),
    "tank_trousers": ("trousers", "tank_top"),
    "shirt_skirt": ("skirt", "shirt"),
}


def garments_of(outfit: str) -> tuple[str, ...]:
    """Garments of an outfit, inner ones first: of a name of OUTFITS, else one garment by its name or pattern file.

    Raises:
        PatternError: it is none of these.
    """
    if outfit in OUTFITS:
        return OUTFITS[outfit]
    if outfit in known_garments() or outfit.lower().endswith(SUFFIX):
        return (outfit,)
    raise PatternError(
        f"An outfit is one of {', '.join(OUTFITS)}, a garment is one of {', '.join(known_garments())} or a pattern "
        f"file *{SUFFIX}. Received: {outfit!r}"
    )
