"""Skin, hair, eyes and shoes of a body, painted into its texture.

Every texel knows the rest position of the skin that it covers (`body_atlas`), so that features are drawn in metres on
the body itself: no seam shows, and any body with a texture layout can wear them.
"""

from __future__ import annotations

import dataclasses
import functools

import numba
import numpy as np
from scipy import ndimage

from model import conventions
from model.body.files import BodyData
from synthesis.render.interface import BODY_ID, Material, Surface
from synthesis.scene import painting

ATLAS_SIZE = 512

# sRGB of skin from Fitzpatrick type I to VI, as diffuse albedo (lighter than it looks under strong light).
_SKIN_TONES = np.array(
    [(229, 194, 174), (218, 175, 149), (200, 152, 122), (170, 120, 88), (134, 90, 64), (98, 65, 47), (70, 48, 38)]
) / 255.0  # fmt: skip
_DARK_HAIR = ((24, 21, 20), (38, 29, 25), (56, 40, 30))
_LIGHT_HAIR = ((82, 56, 38), (108, 62, 38), (140, 108, 70), (184, 150, 102))
_GREY_HAIR = ((128, 126, 124), (184, 182, 178))
_SHOES = ((28, 27, 28), (236, 235, 230), (92, 60, 40), (52, 56, 66), (150, 40, 40), (40, 66, 120), (120, 118, 112))
_EYES = ((70, 46, 30), (88, 62, 38), (66, 88, 110), (84, 100, 76))

_SKIN_SUBSURFACE = (0.25, 0.08, 0.05)

# Share of each channel that lips and cheeks take away from the skin's colour.
_LIP_TINT = np.array([0.12, 0.32, 0.26])
_CHEEK_TINT = np.array([0.0, 0.07, 0.05])


@dataclasses.dataclass(frozen=True)
class Appearance:
    """What a plan says about a person's look; colours are sRGB 0..1.

    Attributes:
        skin: colour of the skin.
        hair: colour of the hair, or None for a shaved head.
        hairline: where the hair starts above the eyes, 0 (at the eyes) .. 1 (top of the head).
        eyes: colour of the irises.
        shoes: colour of the shoes, or None for bare feet.
        seed: of the fine variation of skin and hair.
    """

    skin: tuple[float, float, float]
    hair: tuple[float, float, float] | None
    hairline: float
    eyes: tuple[float, float, float]
    shoes: tuple[float, float, float] | None
    seed: int


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """A random look over the whole range of human skin; dark skin mostly comes with dark hair and eyes."""
    depth = float(rng.uniform(0, 1))
    scale = np.linspace(0, 1, len(_SKIN_TONES))
    skin = np.array([np.interp(depth, scale, _SKIN_TONES[:, c]) for c in range(3)])
    skin = skin * (1 + rng.normal(0, 0.03)) * (1 + rng.normal(0, 0.015, 3))
    choices = _DARK_HAIR * 3 + _GREY_HAIR if depth > 0.5 else _DARK_HAIR + _LIGHT_HAIR * 2 + _GREY_HAIR
    hair = np.array(choices[rng.integers(len(choices))]) / 255 * (1 + rng.normal(0, 0.06))
    eyes = np.array(_EYES[rng.integers(2 if depth > 0.5 else len(_EYES))]) / 255
    shoes = np.array(_SHOES[rng.integers(len(_SHOES))]) / 255 * rng.uniform(0.85, 1.05)
    bald, barefoot = rng.random(2) < (0.04, 0.1)
    return Appearance(
        skin=_plain(skin),
        hair=None if bald else _plain(hair),
        hairline=float(rng.uniform(0.5, 0.68)),
        eyes=_plain(eyes),
        shoes=None if barefoot else _plain(shoes),
        seed=int(rng.integers(2**31)),
    )


def _plain(colour: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = np.clip(colour, 0, 1).tolist()
    return red, green, blue


@dataclasses.dataclass(frozen=True, eq=False)
class Atlas:
    """A body's texture layout, looked up by texel.

    Attributes:
        position: float32 [h, w, 3] rest position (metres) of the skin under each texel, or under the nearest one.
        eye: bool [h, w], the texel lies on an eyeball.
    """

    position: np.ndarray
    eye: np.ndarray


@functools.lru_cache(maxsize=4)
def body_atlas(data: BodyData) -> Atlas:
    """Rasterises a body's rest shape into its texture layout, ATLAS_SIZE texels wide and high."""
    size = ATLAS_SIZE
    corners = data.uv[data.uv_faces].astype(np.float64)
    texels = np.stack([corners[..., 0] * size - 0.5, (1 - corners[..., 1]) * size - 0.5], -1)
    position = np.zeros((size, size, 3), np.float32)
    part = np.full((size, size), -1, np.int8)
    _rasterise(texels, data.v_template[data.faces], data.face_parts.astype(np.int8), position, part)
    # Filtering looks a few texels past an island's edge: continue it with the nearest texel inside.
    nearest = ndimage.distance_transform_edt(part < 0, return_distances=False, return_indices=True)
    return Atlas(position=position[tuple(nearest)], eye=part[tuple(nearest)] == 1)


@numba.njit(cache=True)
def _rasterise(texels, values, parts, position, part):  # type: ignore[no-untyped-def]
    """Fills triangles: texels [F, 3, 2] (column, row), values [F, 3, 3], parts [F]."""
    for f in range(len(texels)):
        (ax, ay), (bx, by), (cx, cy) = texels[f, 0], texels[f, 1], texels[f, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-9:
            continue
        for row in range(max(int(np.ceil(min(ay, by, cy))), 0), min(int(max(ay, by, cy)) + 1, part.shape[0])):
            for col in range(max(int(np.ceil(min(ax, bx, cx))), 0), min(int(max(ax, bx, cx)) + 1, part.shape[1])):
                wb = ((col - ax) * (cy - ay) - (cx - ax) * (row - ay)) / area
                wc = ((bx - ax) * (row - ay) - (col - ax) * (by - ay)) / area
                if wb >= 0 and wc >= 0 and wb + wc <= 1:
                    for k in range(3):
                        position[row, col, k] = (
                            (1 - wb - wc) * values[f, 0, k] + wb * values[f, 1, k] + wc * values[f, 2, k]
                        )
                    part[row, col] = parts[f]


def body_surface(data: BodyData, appearance: Appearance) -> Surface:
    """The body as a surface of a scene, wearing this look."""
    return Surface(
        name="body",
        mask_id=BODY_ID,
        faces=data.faces,
        uv=data.uv[data.uv_faces],
        material=body_material(data, appearance),
    )


def body_material(data: BodyData, appearance: Appearance) -> Material:
    """Paints skin, hair, eyes and shoes into the body's texture layout."""
    atlas = body_atlas(data)
    rng = np.random.default_rng(appearance.seed)
    marks = _landmarks(data)
    mottle = painting.periodic_noise(rng, ATLAS_SIZE, ATLAS_SIZE, wavelength=4.0, slope=1.0)[..., None]
    image = np.array(appearance.skin) * (1 + 0.02 * mottle)
    hair = None if appearance.hair is None else np.array(appearance.hair)
    image = _paint_face(image, atlas, marks, hair)
    if hair is not None:
        share = _hair_share(atlas, marks, appearance.hairline, mottle[..., 0])[..., None]
        strands = painting.periodic_noise(rng, ATLAS_SIZE, ATLAS_SIZE, wavelength=2.0, slope=0.5)[..., None]
        image += share * (hair * (1 + 0.07 * strands) - image)
    if appearance.shoes is not None:
        image = _paint_shoes(image, atlas, marks, np.array(appearance.shoes))
    image = _paint_eyes(image, atlas, np.array(appearance.eyes))
    return Material(albedo=painting.to_uint8(image), roughness=0.55, subsurface=_SKIN_SUBSURFACE)


@dataclasses.dataclass(frozen=True, eq=False)
class _Landmarks:
    """Where features lie on the rest shape, metres.

    Attributes:
        eyes: [3] midway between the eyeballs.
        unit: half the distance between the eyeballs, the measure of the face.
        ears: [2, 3] outermost points of the head.
        crown: height of the top of the head above the eyes.
        ankle: height of the ankle joints.
    """

    eyes: np.ndarray
    unit: float
    ears: np.ndarray
    crown: float
    ankle: float


def _landmarks(data: BodyData) -> _Landmarks:
    vertices = data.v_template
    balls = vertices[np.unique(data.faces[data.face_parts == 1])]
    if not len(balls):  # a body without eyeballs: the keypoints say where they would be
        balls = (data.keypoint_regressor @ vertices)[[conventions.keypoint("L_eye"), conventions.keypoint("R_eye")]]
    left = balls[balls[:, 0] > 0].mean(0)
    eyes, unit = left * [0, 1, 1], float(left[0])
    beside = vertices[np.abs(vertices[:, 1] - eyes[1]) < 1.5 * unit]
    ankles = (data.joint_regressor @ vertices)[[conventions.joint("L_ankle"), conventions.joint("R_ankle")]]
    return _Landmarks(
        eyes=eyes,
        unit=unit,
        ears=beside[[beside[:, 0].argmax(), beside[:, 0].argmin()]],
        crown=float(vertices[:, 1].max() - eyes[1]),
        ankle=float(ankles[:, 1].min()),
    )


def _ramp(low: float | np.ndarray, high: float | np.ndarray, x: np.ndarray) -> np.ndarray:
    """Smooth step from 0 at low to 1 at high (which may lie below low)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _hair_share(atlas: Atlas, marks: _Landmarks, hairline: float, noise: np.ndarray) -> np.ndarray:
    """How much of each texel is hair [h, w]: forehead line, temples, round the ears, down to the nape."""
    y, z = atlas.position[..., 1], atlas.position[..., 2]
    ear_depth = float(marks.ears[:, 2].mean())
    # Height of the line above the eyes in crown heights, from the nape past ear and temple to the forehead.
    forward = (z - ear_depth) / float(marks.eyes[2] - ear_depth)
    places = [-0.7, -0.2, 0.05, 0.3, 0.45, 0.7, 1.0]
    line = np.interp(forward, places, [-0.65, -0.5, -0.2, -0.1, 0.3, hairline - 0.06, hairline])
    above = (y - marks.eyes[1]) / marks.crown - line + 0.02 * noise
    share = _ramp(-0.03, 0.04, above)
    for ear in marks.ears:
        # Ears are longer than they are wide.
        share *= _ramp(0.85, 1.0, np.linalg.norm((atlas.position - ear) / marks.unit / [1.0, 1.35, 0.8], axis=-1))
    return share


def _paint_face(image: np.ndarray, atlas: Atlas, marks: _Landmarks, brow: np.ndarray | None) -> np.ndarray:
    """Redder lips and cheeks, and brows of a colour; places are in units of half the distance between the eyes."""
    x = np.abs(atlas.position[..., 0]) / marks.unit
    y = (atlas.position[..., 1] - marks.eyes[1]) / marks.unit
    front = atlas.position[..., 2] > marks.eyes[2] - 1.2 * marks.unit
    lips = front * np.exp(-((x / 0.75) ** 4) - ((y + 2.3) / 0.22) ** 2)
    cheeks = front * np.exp(-(((x - 1.2) / 0.6) ** 2) - ((y + 1.3) / 0.6) ** 2)
    image = image * (1 - lips[..., None] * _LIP_TINT - cheeks[..., None] * _CHEEK_TINT)
    if brow is not None:
        arch = 0.78 - 0.35 * (x - 1.0) ** 2
        share = 0.8 * front * _ramp(0.3, 0.5, x) * _ramp(1.75, 1.5, x) * np.exp(-(((y - arch) / 0.14) ** 2))
        image = image + share[..., None] * (brow - image)
    return image


def _paint_shoes(image: np.ndarray, atlas: Atlas, marks: _Landmarks, colour: np.ndarray) -> np.ndarray:
    """Low shoes with a darker sole."""
    y = atlas.position[..., 1]
    ankle = marks.ankle
    floor = float(y.min())
    shoe = _ramp(ankle + 0.004, ankle - 0.004, y)[..., None]
    sole = _ramp(floor + 0.018, floor + 0.012, y)[..., None]
    image = image + shoe * (colour - image)
    return image + sole * (0.5 * colour - image)


def _paint_eyes(image: np.ndarray, atlas: Atlas, iris: np.ndarray) -> np.ndarray:
    """Whites, irises and pupils, by the angle from each eyeball's forward axis."""
    position = atlas.position[atlas.eye]
    colour = np.tile([0.66, 0.64, 0.62], (len(position), 1))
    for side in (position[:, 0] > 0, position[:, 0] <= 0):
        if not side.any():
            continue
        low, high = position[side].min(0), position[side].max(0)
        offset = position[side] - (low + high) / 2
        angle = np.arccos(np.clip(offset[:, 2] / np.maximum(np.linalg.norm(offset, axis=1), 1e-9), -1, 1))[:, None]
        colour[side] += _ramp(0.62, 0.54, angle) * (iris - colour[side])
        colour[side] += _ramp(0.26, 0.2, angle) * (0.03 - colour[side])
    image = image.copy()
    image[atlas.eye] = colour
    return image
