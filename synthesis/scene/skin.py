"""Skin, brows, stubble, painted hair and eyes, in a body's own texture layout.

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
from model.body.data import BodyData
from synthesis.render.interface import Material
from synthesis.scene import painting
from synthesis.scene.landmarks import find_landmarks, ramp
from synthesis.scene.look import Appearance
from synthesis.scene.relief import normal_map

ATLAS_SIZE = 512

_ROUGHNESS = 0.5
_SUBSURFACE = (0.28, 0.1, 0.06)

# Share of each channel that lips and flushed skin take away from the skin's colour.
_LIP_TINT = np.array([0.12, 0.34, 0.27])
_FLUSH_TINT = np.array([0.02, 0.13, 0.09])
_FRECKLE_TINT = np.array([0.14, 0.24, 0.3])
# What palms and soles look like where the rest of the skin is black: they have little melanin.
_PALM = np.array([0.62, 0.45, 0.37])
# From the joints to the skin that is stretched over them, metres.
_ELBOW_TIP, _KNEECAP = np.array([0, 0, 0.04]), np.array([0, 0, 0.05])
# Cells of the noise in skin's colour, metres, and how many of them there are before it repeats.
_MOTTLE, _BLOTCH, _LATTICE = 0.006, 0.025, 32
# Heights of the skin's relief, in texels of the atlas, which are about 3 mm.
_RELIEF, _STUBBLE_RELIEF = 0.055, 0.12


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


@dataclasses.dataclass(frozen=True, eq=False)
class _Regions:
    """Parts of the skin that look different from the rest: float32 [h, w] shares, 0..1.

    Attributes:
        lips, brows: of the face.
        beard: where one grows.
        flush: blood near the surface: cheeks, nose, ears, elbows, knees, fingers, toes.
        palms: palms of the hands and soles of the feet.
        freckles: where the sun reaches most: middle of the face, forearms.
        off_ears: everywhere but on the ears.
    """

    lips: np.ndarray
    brows: np.ndarray
    beard: np.ndarray
    flush: np.ndarray
    palms: np.ndarray
    freckles: np.ndarray
    off_ears: np.ndarray


@functools.lru_cache(maxsize=4)
def _regions(data: BodyData) -> _Regions:
    """Places on the face are in units of half the distance between the eyes."""
    marks, position = find_landmarks(data), body_atlas(data).position
    joints = data.joint_regressor @ data.v_template
    x = np.abs(position[..., 0]) / marks.unit
    y = (position[..., 1] - marks.eyes[1]) / marks.unit
    forward = marks.forward(position)
    ear_distance = marks.ear_distance(position)
    off_ears = ramp(0.85, 1.0, ear_distance)
    head = position[..., 1] > joints[conventions.joint("neck"), 1]
    front = head & (position[..., 2] > marks.eyes[2] - 1.2 * marks.unit)
    lips = front * np.exp(-((x / 0.75) ** 4) - ((y + 2.3) / 0.22) ** 2)
    arch = 0.78 - 0.35 * (x - 1.0) ** 2
    brows = 0.8 * front * ramp(0.3, 0.5, x) * ramp(1.75, 1.5, x) * np.exp(-(((y - arch) / 0.14) ** 2))
    cheeks = front * np.exp(-(((x - 1.2) / 0.6) ** 2) - ((y + 1.3) / 0.6) ** 2)
    nose = front * np.exp(-((x / 0.45) ** 2) - ((y + 1.25) / 0.45) ** 2)
    # A beard's upper line runs from under the nose down past the corner of the mouth and up to the sideburns.
    line = np.interp(x, [0.0, 0.5, 0.95, 1.4, 2.0, 2.3], [-1.72, -1.8, -2.3, -2.3, -1.2, 0.1])
    beard = head * ramp(0.05, 0.2, forward) * ramp(0.12, -0.18, y - line) * ramp(-4.9, -4.3, y) * (1 - lips)
    flush = np.maximum.reduce([cheeks, 0.7 * nose, 0.8 * (head & (forward < 0.4)) * ramp(1.05, 0.7, ear_distance)])
    for side in ("L", "R"):
        elbow, knee, wrist, ankle = (
            joints[conventions.joint(f"{side}_{n}")] for n in ("elbow", "knee", "wrist", "ankle")
        )
        # Tips of elbows lie behind the joint when the arms are held out with palms down, kneecaps in front.
        for place, radius in ((elbow - _ELBOW_TIP, 0.035), (knee + _KNEECAP, 0.05)):
            flush = np.maximum(flush, 0.8 * np.exp(-(((position - place) ** 2).sum(-1)) / radius**2))
        outward = np.sign(wrist[0]) * (position[..., 0] - wrist[0])
        flush = np.maximum(flush, 0.75 * ramp(0.05, 0.11, outward))
        on_foot = position[..., 1] < ankle[1]
        flush = np.maximum(flush, on_foot * 0.6 * ramp(0.1, 0.17, position[..., 2] - ankle[2]))
    wrists = joints[[conventions.joint("L_wrist"), conventions.joint("R_wrist")]]
    beyond = np.abs(position[..., 0]) - np.abs(wrists[:, 0]).mean()
    palms = ramp(0.0, 0.03, beyond) * ramp(0.0, -0.012, position[..., 1] - wrists[:, 1].mean())
    floor = float(data.v_template[:, 1].min())
    palms = np.maximum(palms, ramp(floor + 0.025, floor + 0.008, position[..., 1]))
    forearms = ramp(-0.2, -0.1, beyond) * ramp(0.05, 0.0, beyond)
    middle = front * np.exp(-((x / 1.6) ** 4) - ((y + 0.9) / 0.9) ** 2)
    shares = (lips, brows, beard, flush, palms, np.maximum(middle, 0.5 * forearms), off_ears)
    return _Regions(*(np.asarray(share, np.float32) for share in shares))


def body_material(data: BodyData, appearance: Appearance) -> Material:
    """Paints skin, hair roots, brows, beard and eyes into the body's texture layout."""
    atlas, regions = body_atlas(data), _regions(data)
    rng = np.random.default_rng(appearance.seed)
    mottle, blotches = (_noise_in_space(rng, atlas.position, cell) for cell in (_MOTTLE, _BLOTCH))
    fine = painting.periodic_noise(rng, ATLAS_SIZE, ATLAS_SIZE, wavelength=1.2, slope=0.3)
    skin = np.array(appearance.skin)
    image = skin * (1 + 0.018 * mottle + 0.012 * fine)[..., None]
    # Blood and melanin are spread unevenly: here a little redder, there a little paler.
    image *= 1 - (0.22 * np.clip(blotches, -2, 2))[..., None] * _FLUSH_TINT
    image += 0.75 * regions.palms[..., None] * np.maximum(_PALM * (0.55 + 0.6 * skin[0]) - image, 0)
    flush = appearance.flush * regions.flush * (1 + 0.35 * np.clip(mottle, -2, 2))
    image *= 1 - flush[..., None] * _FLUSH_TINT - regions.lips[..., None] * _LIP_TINT
    if appearance.freckles:
        spots = ramp(1.1, 1.9, fine) * regions.freckles * appearance.freckles
        image *= 1 - spots[..., None] * _FRECKLE_TINT
    hair = 0.35 * skin if appearance.hair is None else np.array(appearance.hair)
    image += regions.brows[..., None] * (hair - image)
    bristles = np.clip(0.85 + 0.12 * fine, 0, 1)
    beard = 0.85 * appearance.beard * regions.beard * bristles
    image += beard[..., None] * (0.9 * hair - image)
    scalp = np.zeros_like(mottle)
    if appearance.hair is not None:
        scalp = _hair_share(data, appearance.hairline, mottle) * (0.8 + 0.2 * bristles)
        if appearance.hair_style == "stubble":
            scalp *= 0.85
        image += scalp[..., None] * (hair * (1 + 0.1 * fine[..., None]) - image)
    _paint_eyes(image, atlas, np.array(appearance.eyes))
    height = _RELIEF * (0.6 * mottle + fine) * (1 + regions.flush) + _STUBBLE_RELIEF * np.maximum(beard, scalp) * fine
    height[atlas.eye] = 0
    return Material(
        albedo=painting.to_uint8(image),
        roughness=_ROUGHNESS,
        subsurface=_SUBSURFACE,
        normals=normal_map(height, 1.0),
    )


def _noise_in_space(rng: np.random.Generator, position: np.ndarray, cell: float) -> np.ndarray:
    """Cloudy noise [h, w], standard deviation 1, of texels' places [h, w, 3]: seams of the layout do not show.

    Args:
        rng: source of the noise.
        position: metres.
        cell: size of the smallest clouds, metres.
    """
    lattice = rng.standard_normal((_LATTICE,) * 3, dtype=np.float32)
    at = np.moveaxis(position, -1, 0) / cell
    octaves = (
        ndimage.map_coordinates(lattice, at / scale, order=1, mode="grid-wrap") * scale**0.5 for scale in (1, 2.7)
    )
    noise = sum(octaves)
    return noise / noise.std()


def _hair_share(data: BodyData, hairline: float, noise: np.ndarray) -> np.ndarray:
    """How much of each texel is hair [h, w]."""
    marks, position = find_landmarks(data), body_atlas(data).position
    share = ramp(-0.03, 0.04, marks.above_hairline(position, hairline) + 0.02 * noise)
    return share * _regions(data).off_ears


def _paint_eyes(image: np.ndarray, atlas: Atlas, iris: np.ndarray) -> None:
    """Whites, irises and pupils, by the angle from each eyeball's forward axis."""
    position = atlas.position[atlas.eye]
    colour = np.tile([0.66, 0.64, 0.62], (len(position), 1))
    for side in (position[:, 0] > 0, position[:, 0] <= 0):
        if not side.any():
            continue
        low, high = position[side].min(0), position[side].max(0)
        offset = position[side] - (low + high) / 2
        angle = np.arccos(np.clip(offset[:, 2] / np.maximum(np.linalg.norm(offset, axis=1), 1e-9), -1, 1))[:, None]
        colour[side] += ramp(0.62, 0.54, angle) * (iris - colour[side])
        colour[side] += ramp(0.26, 0.2, angle) * (0.03 - colour[side])
    image[atlas.eye] = colour
