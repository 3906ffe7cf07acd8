"""Shoes as geometry: stacked outlines around the feet, on soles, that bend where the feet do.

At each height a shoe's outline is the convex hull of the foot there, widened by the leather: toes vanish in it, and the
instep slopes as it should. The skin inside is not drawn.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from model import conventions
from model.body.data import BodyData
from synthesis.render.interface import SHOES_ID, Material, Surface
from synthesis.scene import painting
from synthesis.scene.attachments import Attachment, bind, grid_faces, grid_uv
from synthesis.scene.landmarks import ramp
from synthesis.scene.relief import normal_map

_COLUMNS, _ROWS = 36, 13
# Heights at which the foot is cut.
_CUTS = 26
# The sole's edge beyond the upper, and how far the collar's lining goes down inside, metres.
_WELT, _LINING = 0.003, 0.012
_TEXTURE_SIZE = 256
# Share of the texture's height, from its lower edge, that is sole; the lining takes as much at the top.
_SOLE_SHARE, _LINING_SHARE = 0.25, 0.1


@dataclasses.dataclass(frozen=True)
class ShoeStyle:
    """A kind of shoe; lengths in metres, heights above the skin's lowest point.

    Attributes:
        heel: height of the opening behind the heel.
        instep: height of the opening in front.
        side: height of the opening at the sides.
        leather: distance of the upper from the skin.
        sole: height of the sole's edge.
        under: thickness of the sole under the skin.
        roughness: of the upper.
        laces: the instep has a tongue and laces.
        white_sole: the sole is light whatever the upper's colour; otherwise it is dark.
    """

    heel: float
    instep: float
    side: float
    leather: float
    sole: float
    under: float
    roughness: float
    laces: bool = False
    white_sole: bool = False


SHOE_STYLES: dict[str, ShoeStyle] = {
    "sneaker": ShoeStyle(0.078, 0.092, 0.066, 0.006, 0.022, 0.014, 0.6, laces=True, white_sole=True),
    "boot": ShoeStyle(0.165, 0.170, 0.165, 0.006, 0.018, 0.014, 0.45, laces=True),
    "loafer": ShoeStyle(0.062, 0.066, 0.052, 0.004, 0.014, 0.010, 0.35),
    "flat": ShoeStyle(0.050, 0.030, 0.034, 0.003, 0.007, 0.006, 0.4),
}


def fit(
    data: BodyData, rest_vertices: np.ndarray, style: str, colour: np.ndarray, seed: int
) -> tuple[Attachment, np.ndarray]:
    """Makes a pair of shoes for a body of one shape.

    Args:
        data: the body.
        rest_vertices: [V, 3] rest shape of this person, metres.
        style: a name of SHOE_STYLES.
        colour: sRGB [3] of the uppers, 0..1.
        seed: of wear and details.

    Returns:
        The pair, and bool [F], the body's faces that are inside it.
    """
    shoe = SHOE_STYLES[style]
    rest_vertices = np.asarray(rest_vertices, np.float64)
    pair, inside, shares = [], np.zeros(len(rest_vertices), bool), []
    for side in ("L", "R"):
        outline, hidden = _last(data, rest_vertices, side, shoe)
        pair.append(outline)
        inside |= hidden
        shares.append(_bending(data, rest_vertices, side, outline))
    rows, columns = pair[0].shape[:2]
    v = np.concatenate([
        [0.0, 0.02], np.linspace(0.02, _SOLE_SHARE, 3)[1:], np.linspace(_SOLE_SHARE, 1 - _LINING_SHARE, _ROWS)[1:],
        [1 - 0.5 * _LINING_SHARE, 1.0],
    ])  # fmt: skip
    faces, uv = grid_faces(rows, columns, closed=True), grid_uv(v, np.linspace(0, 1, columns + 1), closed=True)
    surface = Surface(
        "shoes", SHOES_ID, np.concatenate([faces, faces + rows * columns]), np.concatenate([uv, uv]),
        _material(shoe, np.asarray(colour), painting.generator(style, seed)),
    )  # fmt: skip
    points = np.concatenate([outline.reshape(-1, 3) for outline in pair])
    weights: dict[int, np.ndarray] = {}
    for first, bending in enumerate(shares):
        for joint, share in bending.items():
            weights[joint] = np.zeros(len(points))
            weights[joint][first * rows * columns : (first + 1) * rows * columns] = share
    return bind(data, rest_vertices, surface, points, weights), inside[data.faces].all(1)


def _last(data: BodyData, rest: np.ndarray, side: str, shoe: ShoeStyle) -> tuple[np.ndarray, np.ndarray]:
    """One shoe [rows, columns, 3] from the sole's middle to the lining, and the vertices [V] that it hides."""
    joints = data.joint_regressor @ rest
    ankle, ball = joints[conventions.joint(f"{side}_ankle")], joints[conventions.joint(f"{side}_foot")]
    leg = data.weights[:, [conventions.joint(f"{side}_{name}") for name in ("knee", "ankle", "foot")]].sum(1) > 0.5
    leg &= rest[:, 1] < ankle[1] + 0.25
    floor = float(rest[leg, 1].min())
    edges = data.faces[leg[data.faces].all(1)][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    forward = (ball - ankle)[[0, 2]]
    forward /= np.linalg.norm(forward)
    # Columns start behind the heel and turn with the clock seen from above: with rows that go up they face outwards.
    turn = np.linspace(0, 2 * np.pi, _COLUMNS, endpoint=False)
    behind = -forward
    beside = np.array([-behind[1], behind[0]])
    normals = np.cos(turn)[:, None] * behind + np.sin(turn)[:, None] * beside
    tangents = -np.sin(turn)[:, None] * behind + np.cos(turn)[:, None] * beside
    levels = np.linspace(0.0, max(shoe.heel, shoe.instep, shoe.side) + 0.02, _CUTS)
    support, slope = _outlines(rest[edges], floor + levels, normals)

    facing = np.cos(turn)
    top = shoe.side + (shoe.heel - shoe.side) * np.clip(facing, 0, 1) ** 3
    top = top + (shoe.instep - shoe.side) * np.clip(-facing, 0, 1) ** 1.5
    base = shoe.sole + np.linspace(0, 1, _ROWS)[:, None] * (top - shoe.sole)
    heights = [np.full(_COLUMNS, -shoe.under)] * 2 + [np.full(_COLUMNS, 0.4 * shoe.sole), np.full(_COLUMNS, shoe.sole)]
    heights += [*base[1:], top - 0.4 * _LINING, top - _LINING]
    widths = [
        -1.0,
        _WELT + 0.7 * shoe.leather,
        _WELT + shoe.leather,
        _WELT + shoe.leather,
        *[shoe.leather] * (_ROWS - 1),
    ]
    widths += [0.0, -0.004]
    rings = []
    for height, width in zip(heights, widths, strict=True):
        # The sole is as wide as the foot is a little above it.
        level = np.maximum(height, 0.012) / levels[1]
        reach, along = (_at_level(values, level) for values in (support, slope))
        ring = (reach + width)[:, None] * normals + along[:, None] * tangents
        if width == -1.0:
            ring = np.broadcast_to(ring.mean(0), ring.shape)
        rings.append(np.stack([ring[:, 0], np.asarray(height) + floor, ring[:, 1]], 1))
    outline = np.stack(rings)
    hidden = np.zeros(len(rest), bool)
    middle = outline[3].mean(0)[[0, 2]]
    around = np.arctan2((rest[:, [0, 2]] - middle) @ beside, (rest[:, [0, 2]] - middle) @ behind) % (2 * np.pi)
    opening = np.interp(around, np.append(turn, 2 * np.pi), np.append(top, top[0]))
    hidden[leg] = rest[leg, 1] < floor + opening[leg] - _LINING - 0.006
    return outline, hidden


def _outlines(edges: np.ndarray, levels: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Support function of a foot's convex outline at each level, and its derivative: [CUTS, COLUMNS] each, metres.

    Args:
        edges: [E, 2, 3] the foot's, metres.
        levels: [CUTS] heights, metres.
        normals: [COLUMNS, 2] directions in x and z.
    """
    support = np.full((len(levels), len(normals)), np.nan)
    for i, level in enumerate(levels):
        crossing = edges[(edges[:, 0, 1] < level) & (edges[:, 1, 1] >= level)]
        if len(crossing):
            low, high = crossing[:, 0], crossing[:, 1]
            share = (level - low[:, 1:2]) / (high[:, 1:2] - low[:, 1:2])
            support[i] = ((low + share * (high - low))[:, [0, 2]] @ normals.T).max(0)
    for column in support.T:
        known = np.isfinite(column)
        column[:] = np.interp(levels, levels[known], column[known])
    support = ndimage.gaussian_filter(support, (0.7, 0.8), mode=("nearest", "wrap"))
    step = 2 * np.pi / len(normals)
    return support, (np.roll(support, -1, 1) - np.roll(support, 1, 1)) / (2 * step)


def _at_level(values: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Values [CUTS, COLUMNS] at a fractional level of each column."""
    low = np.clip(level.astype(int), 0, len(values) - 2)
    column = np.arange(values.shape[1])
    return values[low, column] + np.clip(level - low, 0, 1) * (values[low + 1, column] - values[low, column])


def _bending(data: BodyData, rest: np.ndarray, side: str, outline: np.ndarray) -> dict[int, np.ndarray]:
    """Share [rows * columns] of shank, foot and toes in how each point of a shoe moves."""
    joints = data.joint_regressor @ rest
    shank, ankle, toes = (conventions.joint(f"{side}_{name}") for name in ("knee", "ankle", "foot"))
    points = outline.reshape(-1, 3)
    forward = (joints[toes] - joints[ankle]) * [1, 0, 1]
    forward /= np.linalg.norm(forward)
    past = (points - joints[toes]) @ forward
    toe_share = ramp(-0.02, 0.025, past)
    shank_share = ramp(-0.015, 0.05, points[:, 1] - joints[ankle][1]) * (1 - toe_share)
    return {shank: shank_share, ankle: 1 - toe_share - shank_share, toes: toe_share}


def _material(shoe: ShoeStyle, colour: np.ndarray, rng: np.random.Generator) -> Material:
    """Upper, sole and laces, unrolled: u around the foot from the heel, v from under the sole to the lining."""
    size = _TEXTURE_SIZE
    u, v = np.meshgrid((np.arange(size) + 0.5) / size, 1 - (np.arange(size) + 0.5) / size)
    grain = painting.periodic_noise(rng, size, size, wavelength=1.5, slope=0.4)
    image = colour * (1 + 0.05 * painting.periodic_noise(rng, size, size, wavelength=10.0))[..., None]
    height = 0.25 * grain
    trim = np.where(rng.random() < 0.5, 0.93, colour * rng.uniform(0.4, 0.8))
    instep = np.abs(u - 0.5)
    if shoe.laces:
        tongue = ramp(0.11, 0.1, instep) * ramp(0.5, 0.55, v) * ramp(0.93, 0.9, v)
        image += (0.75 * tongue)[..., None] * (0.7 * colour - image)
        bars = ramp(0.2, 0.6, np.sin(2 * np.pi * v * 16)) * tongue
        image += bars[..., None] * ((trim if shoe.white_sole else 0.45 * colour) - image)
        height += 3.0 * bars
        # A panel at the side and one around the heel, as sneakers have them.
        if shoe.white_sole:
            panel = (
                ramp(0.03, 0.02, np.abs(np.abs(u - 0.5) - 0.24 - 0.12 * (v - 0.5)))
                * ramp(0.3, 0.34, v)
                * ramp(0.8, 0.7, v)
            )
            image += panel[..., None] * (trim - image)
            height += 1.5 * panel
    sole = ramp(_SOLE_SHARE + 0.008, _SOLE_SHARE - 0.008, v)
    sole_colour = (
        np.array([0.86, 0.85, 0.82]) * rng.uniform(0.8, 1.05) if shoe.white_sole else np.array([0.09, 0.08, 0.075])
    )
    image += sole[..., None] * (sole_colour - image)
    height += 2.0 * sole
    lining = ramp(1 - _LINING_SHARE, 1 - 0.8 * _LINING_SHARE, v)
    image += lining[..., None] * (0.5 * colour - image)
    return Material(
        albedo=painting.to_uint8(image), roughness=shoe.roughness, two_sided=True, normals=normal_map(height, 0.35)
    )
