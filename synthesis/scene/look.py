"""What a plan says about a person's look, and random looks."""

from __future__ import annotations

import dataclasses

import numpy as np

from model.errors import ConfigError
from synthesis.render.srgb import linear_from_srgb, srgb_from_linear
from synthesis.scene.hair import HAIR_STYLES
from synthesis.scene.shoes import SHOE_STYLES

# sRGB of skin from Fitzpatrick type I to VI, as diffuse albedo (lighter than it looks under strong light).
_SKIN_TONES = np.array(
    [(229, 194, 174), (218, 175, 149), (200, 152, 122), (170, 120, 88), (134, 90, 64), (98, 65, 47), (70, 48, 38)]
) / 255.0  # fmt: skip
# Absorbance of one standard deviation of the two pigments that vary between people of one type, per channel: blood
# takes green and some blue, melanin takes blue, green and red in this order (Jacques 2013, Optical properties of
# biological tissues, figures 2 and 5, averaged over the channels).
_BLOOD = np.array([0.01, 0.07, 0.04])
_MELANIN = np.array([0.05, 0.08, 0.11])

_DARK_HAIR = ((20, 17, 16), (32, 25, 22), (50, 36, 27))
_LIGHT_HAIR = ((76, 52, 35), (100, 58, 36), (122, 62, 34), (134, 102, 66), (176, 144, 98))
_GREY_HAIR = ((104, 101, 98), (142, 140, 137), (188, 186, 182))
_EYES = ((70, 46, 30), (88, 62, 38), (66, 88, 110), (84, 100, 76))
# Colours of uppers; sneakers come in all, leather shoes in the first five.
_SHOES = (
    (28, 27, 28), (44, 34, 30), (92, 60, 40), (128, 92, 62), (62, 58, 56),
    (236, 235, 230), (226, 224, 220), (52, 56, 66), (150, 40, 40), (40, 66, 120), (120, 118, 112), (60, 84, 62),
)  # fmt: skip
_LEATHERS = 5

# How often each style is seen on men and on women; people of unknown sex take the mean.
_HAIR_SHARES = {
    "stubble": (0.10, 0.01), "crop": (0.28, 0.03), "side_part": (0.22, 0.03), "swept_back": (0.13, 0.03),
    "curly": (0.10, 0.09), "afro": (0.06, 0.06), "bob": (0.02, 0.17), "long": (0.03, 0.28),
    "ponytail": (0.01, 0.19), "bun": (0.01, 0.10), "bald": (0.04, 0.01),
}  # fmt: skip
_SHOE_SHARES = {
    "sneaker": (0.52, 0.40), "boot": (0.20, 0.16), "loafer": (0.20, 0.06), "flat": (0.0, 0.28),
    "barefoot": (0.08, 0.10),
}  # fmt: skip
# Men who are clean-shaven, unshaven, and bearded.
_BEARD_SHARES = (0.5, 0.28, 0.22)


@dataclasses.dataclass(frozen=True)
class Appearance:
    """A person's look; colours are sRGB 0..1.

    Attributes:
        skin: colour of the skin.
        hair: colour of the hair, or None for a shaved head.
        hairline: where the hair starts above the eyes, 0 (at the eyes) .. 1 (top of the head).
        eyes: colour of the irises.
        shoes: colour of the shoes, or None for bare feet.
        seed: of the fine variation of skin, hair and shoes.
        hair_style: a name of hair.HAIR_STYLES; "stubble" is painted only.
        shoe_style: a name of shoes.SHOE_STYLES.
        beard: how dense the beard is, 0 for none.
        flush: how much redder than the rest cheeks, knuckles, elbows and knees are; 1 is usual.
        freckles: how strong they are, 0..1.
    """

    skin: tuple[float, float, float]
    hair: tuple[float, float, float] | None
    hairline: float
    eyes: tuple[float, float, float]
    shoes: tuple[float, float, float] | None
    seed: int
    hair_style: str = "stubble"
    shoe_style: str = "sneaker"
    beard: float = 0.0
    flush: float = 1.0
    freckles: float = 0.0

    def __post_init__(self):
        for field, names in (("hair_style", HAIR_STYLES), ("shoe_style", SHOE_STYLES)):
            if getattr(self, field) not in names:
                raise ConfigError(f"{field} is one of {', '.join(names)}. Received: {getattr(self, field)!r}")


def draw_appearance(rng: np.random.Generator, sex: str | None = None) -> Appearance:
    """A random look over the whole range of human skin; dark skin mostly comes with dark hair and eyes.

    Args:
        rng: source of every choice.
        sex: "male" or "female" for the hair, beards and shoes seen more often on one of them; None: either.
    """
    depth = float(rng.uniform(0, 1))
    columns = {"male": [0], "female": [1]}.get(sex or "", [0, 1])
    dark = depth > 0.55
    hair_style = _pick(rng, _HAIR_SHARES, columns)
    choices = _DARK_HAIR * 4 + _GREY_HAIR if dark else _DARK_HAIR * 2 + _LIGHT_HAIR * 2 + _GREY_HAIR
    hair = np.array(choices[rng.integers(len(choices))]) / 255 * (1 + rng.normal(0, 0.06))
    eyes = np.array(_EYES[rng.integers(2 if dark else len(_EYES))]) / 255
    shoe_style = _pick(rng, _SHOE_SHARES, columns)
    palette = _SHOES if shoe_style in ("sneaker", "flat") else _SHOES[:_LEATHERS]
    shoes = np.array(palette[rng.integers(len(palette))]) / 255 * rng.uniform(0.85, 1.05)
    bearded = rng.choice(3, p=_BEARD_SHARES) if rng.random() < 1 - np.mean(columns) else 0
    freckled = not dark and rng.random() < 0.25
    return Appearance(
        skin=_plain(_draw_skin(rng, depth)),
        hair=None if hair_style == "bald" else _plain(hair),
        hairline=float(rng.uniform(0.5, 0.68)),
        eyes=_plain(eyes),
        shoes=None if shoe_style == "barefoot" else _plain(shoes),
        seed=int(rng.integers(2**31)),
        hair_style="stubble" if hair_style == "bald" else hair_style,
        shoe_style="sneaker" if shoe_style == "barefoot" else shoe_style,
        beard=(0.0, float(rng.uniform(0.25, 0.5)), float(rng.uniform(0.8, 1.0)))[bearded],
        flush=float(rng.uniform(0.6, 1.6)),
        freckles=float(rng.uniform(0.3, 1.0)) if freckled else 0.0,
    )


def _draw_skin(rng: np.random.Generator, depth: float) -> np.ndarray:
    """Skin of one Fitzpatrick type (0..1 for I..VI), with the pigments that vary within it."""
    scale = np.linspace(0, 1, len(_SKIN_TONES))
    skin = linear_from_srgb(np.array([np.interp(depth, scale, tone) for tone in _SKIN_TONES.T]))
    blood, melanin = rng.normal(0, 1, 2)
    return srgb_from_linear(skin * np.exp(-blood * _BLOOD - melanin * _MELANIN))


def _pick(rng: np.random.Generator, shares: dict[str, tuple[float, float]], columns: list[int]) -> str:
    weights = np.array(list(shares.values()))[:, columns].mean(1)
    return str(rng.choice(list(shares), p=weights / weights.sum()))


def _plain(colour: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = np.clip(colour, 0, 1).tolist()
    return red, green, blue
