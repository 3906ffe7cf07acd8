"""Hair as geometry: a shell that grows from the scalp, falls as locks where it is long, and rides on the head.

Columns of the mesh run from the whorl outwards, as combed hair does. Each leaves the scalp at the hairline, or falls
from there under gravity, around neck and shoulders.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from model import conventions
from model.body.data import BodyData
from synthesis.render.interface import HAIR_ID, Material, Surface
from synthesis.scene import painting
from synthesis.scene.attachments import Attachment, Cushion, Strands, bind, grid_faces, grid_uv
from synthesis.scene.landmarks import find_landmarks, ramp
from synthesis.scene.relief import normal_map
from synthesis.scene.scalp import COLUMNS, Scalp, find_scalp

_SCALP_ROWS, _FALL_ROWS = 15, 16
_TEXTURE_SIZE = 256
# Texture repeats around the head, and metres of hair per repeat along it.
_REPEATS, _REPEAT_LENGTH = 6, 0.12
# How deep the shell's rim sits in the skin, and how far hair lies off the skin of head and body, metres.
_ROOT_DEPTH, _OFF_HEAD, _OFF_BODY = 0.003, 0.006, 0.02
# The shell ends this short of the hairline, radians: the painted hair beyond it fades into the skin.
_FEATHER = 0.045
# Standard deviations of the hairline between columns, radians, and of the shell between its vertices, metres.
_RAGGED, _STRAY = 0.02, 0.0012
# Hair frames the face from this azimuth on, radians, and reaches its full length this much further.
_FACE, _FACE_EDGE = np.deg2rad(52.0), np.deg2rad(16.0)
# The body's bones that hair may lie on.
_BEARERS = ("neck", "spine2", "spine3", "L_collar", "R_collar", "L_shoulder", "R_shoulder")


@dataclasses.dataclass(frozen=True)
class HairStyle:
    """A haircut; lengths in metres.

    Attributes:
        top: thickness of the shell on top of the head.
        side: the same at the sides.
        back: the same at the back.
        front: extra thickness above the forehead.
        rim: how abruptly the shell ends at the hairline: 1 fades out from the whorl on, large values stand off.
        clumps: depth of the ridges between locks.
        curls: depth of curls; their size is about two centimetres.
        part: azimuth of the part, radians from the front, or None.
        fall: length that hangs from the scalp's rim, behind the face.
        wave: how far locks swing to the sides.
        tail: "" or "ponytail" or "bun".
    """

    top: float
    side: float
    back: float
    front: float = 0.0
    rim: float = 4.0
    clumps: float = 0.003
    curls: float = 0.0
    part: float | None = None
    fall: float = 0.0
    wave: float = 0.0
    tail: str = ""


# "stubble" is paint alone.
HAIR_STYLES: dict[str, HairStyle | None] = {
    "stubble": None,
    "crop": HairStyle(top=0.016, side=0.006, back=0.008, rim=1.2),
    "side_part": HairStyle(top=0.030, side=0.011, back=0.014, front=0.004, part=0.45, rim=1.8),
    "swept_back": HairStyle(top=0.032, side=0.009, back=0.016, front=0.012, rim=2.5, clumps=0.004),
    "curly": HairStyle(top=0.038, side=0.024, back=0.030, curls=0.007, clumps=0.0, rim=2.5),
    "afro": HairStyle(top=0.075, side=0.068, back=0.062, curls=0.004, clumps=0.0, rim=8.0),
    "bob": HairStyle(top=0.022, side=0.022, back=0.026, part=0.3, fall=0.13, clumps=0.004, rim=1.4),
    "long": HairStyle(top=0.020, side=0.020, back=0.024, part=0.0, fall=0.36, wave=0.006, clumps=0.005, rim=1.4),
    "ponytail": HairStyle(top=0.011, side=0.007, back=0.010, rim=1.4, clumps=0.002, tail="ponytail"),
    "bun": HairStyle(top=0.012, side=0.008, back=0.011, rim=1.4, clumps=0.002, tail="bun"),
}  # fmt: skip


def grow(
    data: BodyData, rest_vertices: np.ndarray, style: str, colour: np.ndarray, hairline: float, seed: int
) -> Attachment | None:
    """Grows hair on a body of one shape.

    Args:
        data: the body.
        rest_vertices: [V, 3] rest shape of this person, metres.
        style: a name of HAIR_STYLES.
        colour: sRGB [3] in 0..1.
        hairline: see look.Appearance.
        seed: of locks and lengths.

    Returns:
        The hair, or None where it is only painted.
    """
    cut = HAIR_STYLES[style]
    if cut is None:
        return None
    rng = painting.generator(style, seed)
    rest_vertices = np.asarray(rest_vertices, np.float64)
    scalp = find_scalp(data)
    # No two people have a cut of the same length.
    cut = dataclasses.replace(cut, fall=cut.fall * rng.uniform(0.75, 1.25), front=cut.front * rng.uniform(0.5, 1.5))
    if cut.part is not None:
        cut = dataclasses.replace(cut, part=cut.part * rng.choice([-1, 1]) + rng.normal(0, 0.1))
    shell = _shell(data, rest_vertices, scalp, cut, hairline, rng)
    pieces = [shell]
    if cut.fall:
        pieces[0] = np.concatenate([shell, _fall(data, rest_vertices, scalp, cut, shell, rng)[1:]])
    if cut.tail:
        pieces.append(_tail(scalp, cut, shell, rng))
    return _bind(data, rest_vertices, cut, pieces, _material(cut, colour, rng))


def _shell(
    data: BodyData, rest: np.ndarray, scalp: Scalp, cut: HairStyle, hairline: float, rng: np.random.Generator
) -> np.ndarray:
    """The part on the scalp: [rows, COLUMNS, 3] metres, from the pole to the rim."""
    line = scalp.hairline(data, hairline, ears=not cut.fall) - _FEATHER + rng.normal(0, _RAGGED, COLUMNS)
    if cut.fall:
        # Behind the face, hair leaves the head about where it is widest.
        line = line + _behind_face(scalp, rng) * (np.minimum(line, np.deg2rad(96.0)) - line)
    share = np.linspace(0, 1, _SCALP_ROWS)[:, None]
    angle = share * line
    skin, direction = _sample(scalp.on(rest), scalp, angle), _sample(scalp.directions, scalp, angle)
    azimuth = np.broadcast_to(scalp.azimuth, angle.shape)
    facing = 0.5 + 0.5 * np.cos(azimuth)
    low = cut.back + facing * (cut.side - cut.back)
    thickness = cut.top + ramp(np.deg2rad(35), np.deg2rad(85), angle) * (low - cut.top)
    thickness = thickness + cut.front * np.exp(-((azimuth / 0.7) ** 2)) * ramp(0.3, 0.9, share)
    if cut.part is not None:
        aside = np.angle(np.exp(1j * (azimuth - cut.part)))
        thickness *= 1 - 0.6 * np.exp(-((aside / 0.12) ** 2)) * ramp(0.1, 0.3, share)
    # Where hair falls, its rim goes on; elsewhere it comes down to the skin.
    falls = _behind_face(scalp, None) * (cut.fall > 0)
    taper = (1 - share ** (2 * cut.rim)) ** 0.75
    thickness = thickness * (taper + falls * (1 - taper))
    locks = _locks(rng, scalp.azimuth) * np.sin(angle) * cut.clumps
    curls = cut.curls * _curls(rng, direction)
    stray = _STRAY * rng.normal(size=angle.shape) * np.sin(angle)
    rough = thickness + (locks + curls + stray) * np.minimum(thickness / cut.side, 1)
    thickness = np.maximum(rough, 0.3 * thickness)
    sunk = np.broadcast_to(_ROOT_DEPTH * share**8 * (1 - falls), angle.shape)
    return skin + direction * (thickness - sunk)[..., None]


def _behind_face(scalp: Scalp, rng: np.random.Generator | None) -> np.ndarray:
    """How much of its full length the hair of each column has [COLUMNS]: 0 above the face."""
    edge = np.abs(scalp.azimuth) + (0 if rng is None else rng.normal(0, 0.02, len(scalp.azimuth)))
    return ramp(_FACE, _FACE + _FACE_EDGE, edge)


def _sample(values: np.ndarray, scalp: Scalp, angle: np.ndarray) -> np.ndarray:
    """Values [R, COLUMNS, 3] on the scalp's grid, at other angles [rows, COLUMNS]."""
    step = float(scalp.angle[1])
    row = np.clip(angle / step, 0, len(scalp.angle) - 1.001)
    low = row.astype(int)
    column = np.arange(values.shape[1])
    return values[low, column] + (row - low)[..., None] * (values[low + 1, column] - values[low, column])


def _locks(rng: np.random.Generator, azimuth: np.ndarray) -> np.ndarray:
    """Ridges across the columns [COLUMNS], about -1..1."""
    ridges = ndimage.gaussian_filter1d(rng.normal(size=len(azimuth)), 0.8, mode="wrap")
    return ridges / ridges.std()


def _curls(rng: np.random.Generator, direction: np.ndarray) -> np.ndarray:
    """Bumps all over a sphere of directions [..., 3], about -1..1, some ten degrees wide."""
    waves = rng.normal(0, 11.0, (24, 3))
    phase = rng.uniform(0, 2 * np.pi, 24)
    return np.cos(direction @ waves.T + phase).sum(-1) / np.sqrt(12)


def _fall(
    data: BodyData, rest: np.ndarray, scalp: Scalp, cut: HairStyle, shell: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Strands from the shell's rim down: [rows, COLUMNS, 3] metres, the first row is the rim."""
    marks = find_landmarks(data)
    skin = _skin_of(data, ("head", *_BEARERS))
    cushion = Cushion(*skin, np.arange(COLUMNS), _OFF_HEAD)
    on_body = dataclasses.replace(cushion, clearance=_OFF_BODY)
    length = cut.fall * _behind_face(scalp, None) * (1 + 0.06 * rng.normal(size=COLUMNS))
    step = np.maximum(length, 0)[:, None] / (_FALL_ROWS - 1)
    out = np.sin(scalp.azimuth)[:, None] * [1.0, 0, 0] + np.cos(scalp.azimuth)[:, None] * [0, 0, 1.0]
    # Hair at the sides of the neck goes to the back, but for the locks next to the face.
    backwards = np.where(np.abs(scalp.azimuth) > _FACE + 0.45, -0.5, 0.12)[:, None] * [0, 0, 1.0]
    swing = np.stack([out[:, 2], np.zeros(COLUMNS), -out[:, 0]], 1)
    phase = ndimage.gaussian_filter1d(rng.uniform(0, 2 * np.pi, COLUMNS), 1.0, mode="wrap")
    points = shell[-1].copy()
    rows = [points]
    chin = float(rest[skin[0]][:, 1].max()) - 1.9 * marks.crown
    for i in range(1, _FALL_ROWS):
        share = i / (_FALL_ROWS - 1)
        wave = cut.wave * np.sin(phase + 9.0 * share)[:, None] * swing
        direction = np.array([0, -1.0, 0]) + (0.25 - 0.5 * share) * out + backwards * share
        aim = points + step * direction + wave * np.minimum(step / 0.02, 1)
        resting = on_body if float(points[:, 1].min()) < chin else cushion
        resting.push_out(aim, rest)
        move = aim - points
        aim = points + step * move / np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-9)
        cushion.push_out(aim, rest)
        points = aim
        rows.append(points)
    strands = np.stack(rows)
    # Ridges from lock to lock, deeper towards the tips.
    ridges = cut.clumps * _locks(rng, scalp.azimuth)[:, None] * np.maximum(out, -1)
    return strands + np.linspace(0, 1.5, _FALL_ROWS)[:, None, None] * ridges * (length > 0.01)[:, None]


def _tail(scalp: Scalp, cut: HairStyle, shell: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What is tied at the back of the head: rings [rows, columns, 3] metres, from the tie outwards."""
    behind = int(np.argmin(np.abs(np.abs(scalp.azimuth) - np.pi)))
    height = 0.45 if cut.tail == "bun" else rng.uniform(0.45, 0.75)
    tie = shell[round(height * (_SCALP_ROWS - 1)), behind]
    outwards = scalp.directions[int(height * 40), behind]
    turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    if cut.tail == "bun":
        share = np.linspace(0, 1, 9)
        path = tie + np.outer(-0.012 + 0.062 * share, outwards)
        radius = 0.036 * np.sqrt(np.clip(1 - (2 * share - 1) ** 2, 0, 1)) * rng.uniform(0.85, 1.15)
    else:
        share = np.linspace(0, 1, 14)
        length = rng.uniform(0.2, 0.36)
        drop = np.cumsum(np.minimum(share * 4, 1)) / len(share)
        path = tie + np.outer(0.055 * np.minimum(share * 5, 1), outwards) - np.outer(length * drop, [0, 1.0, 0])
        radius = np.interp(share, [0, 0.06, 0.35, 0.8, 1.0], [0.016, 0.017, 0.027, 0.02, 0.003])
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    across = np.array([1.0, 0, 0])
    upright = np.cross(tangent, across)
    rough = (
        1
        + 2.5
        * cut.clumps
        / 0.02
        * _curls(rng, np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1))[None]
        * share[:, None]
    )
    ring = np.cos(turn)[None, :, None] * across + np.sin(turn)[None, :, None] * upright[:, None]
    return path[:, None] + radius[:, None, None] * rough[..., None] * ring


def _bind(data: BodyData, rest: np.ndarray, cut: HairStyle, pieces: list[np.ndarray], material: Material) -> Attachment:
    """Hair near the head moves with it; further down, more and more with the back."""
    faces, uv, first = [], [], 0
    for piece in pieces:
        rows, columns = piece.shape[:2]
        lengths = np.linalg.norm(np.diff(piece, axis=0), axis=-1).mean(1)
        v = np.concatenate([[0], np.cumsum(lengths)]) / _REPEAT_LENGTH
        u = np.linspace(0, _REPEATS * columns / COLUMNS, columns + 1)
        faces.append(first + grid_faces(rows, columns, closed=True))
        uv.append(grid_uv(-v, u, closed=True))
        first += rows * columns
    points = np.concatenate([piece.reshape(-1, 3) for piece in pieces])
    surface = Surface("hair", HAIR_ID, np.concatenate(faces), np.concatenate(uv), material)
    hanging = np.zeros(len(points))
    if cut.fall or cut.tail == "ponytail":
        neck = (data.joint_regressor @ rest)[conventions.joint("neck"), 1]
        hanging = 0.9 * ramp(neck + 0.06, neck - 0.1, points[:, 1])
    weights = {conventions.joint("head"): 1 - hanging}
    cushion = strands = None
    if hanging.any():
        weights[conventions.joint("spine3")] = hanging
        low = np.flatnonzero(points[:, 1] < neck + 0.06)
        cushion = Cushion(*_skin_of(data, _BEARERS), low, 0.8 * _OFF_BODY)
        around = Cushion(*_skin_of(data, ("head", *_BEARERS)), low, 0.8 * _OFF_HEAD)
        number = np.arange(len(points))
        # What falls from the shell's rim, or the tail.
        hung = number[(_SCALP_ROWS - 1) * COLUMNS :] if cut.fall else number[pieces[0].shape[0] * COLUMNS :]
        strands = Strands(hung.reshape(-1, pieces[-1].shape[1]).T.copy(), 1, around)
    return bind(data, rest, surface, points, weights, cushion, strands)


def _skin_of(data: BodyData, joints: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices that these joints hold, and the faces between them."""
    weight = data.weights[:, [conventions.joint(name) for name in joints]].sum(1)
    inside = weight > 0.5
    kept = (data.face_parts == 0) & inside[data.faces].all(1)
    skin, faces = np.unique(data.faces[kept], return_inverse=True)
    return skin, faces.reshape(-1, 3).astype(np.int32)


def _material(cut: HairStyle, colour: np.ndarray, rng: np.random.Generator) -> Material:
    """Strands along the hair, or curls."""
    size = _TEXTURE_SIZE
    tint = painting.periodic_noise(rng, size, size, wavelength=20.0, slope=1.0)
    if cut.curls:
        strands = painting.periodic_noise(rng, size, size, wavelength=2.0, slope=0.5)
        relief, roughness = normal_map(strands, 1.2), 0.75
    else:
        # Noise that is long one way: strands, and the locks that they lie in.
        fine, locks = (
            np.repeat(painting.periodic_noise(rng, size // 16, size, w, slope=0.3), 16, axis=0) for w in (0.5, 2.5)
        )
        strands = ndimage.gaussian_filter1d(0.5 * fine / fine.std() + locks / locks.std(), 9.0, axis=0, mode="wrap")
        relief, roughness = normal_map(strands, 0.45), 0.48
    image = np.asarray(colour) * (1 + 0.15 * strands / strands.std() + 0.06 * tint)[..., None]
    return Material(
        albedo=painting.to_uint8(image), roughness=roughness, subsurface=(0.1, 0.08, 0.06), two_sided=True,
        normals=relief,
    )  # fmt: skip
