"""Placement: every panel bent around its limb of the T-posed body, outside the skin, before draping.

Rows of a panel (equal pattern y) go to one height of the torso or leg, or one station along the arm, and are laid on a
closed curve there: the convex hull of the body's section, grown by a clearance. The seams are welded already, so
partners are averaged. What still touches the skin (between the thighs, under the arms) is pushed out along its normal.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.spatial import ConvexHull

from synthesis.cloth.proximity import Surface
from synthesis.garments.expressions import PatternError
from synthesis.garments.measurements import DressForm, perimeter
from synthesis.garments.meshing import PanelMesh, SewnPattern

_CLEARANCE = 0.02
_LAYER_CLEARANCE = 0.015
_YOKE_REACH = 0.04
_OUTSIDE = 0.006
# Between thighs that touch there is no outside; the simulation pushes out what is left inside by less than this.
_MIN_OUTSIDE = -0.02
_PUSHES = 60
_LARGEST_PUSH = 0.02
_RELAXING_ROUNDS = 12
_RELAXING_STEPS = 12
_STATIONS = 24
_ARC_POINTS = 64


def place(sewn: SewnPattern, form: DressForm) -> np.ndarray:
    """World positions of the welded vertices around the body.

    Args:
        sewn: the triangulated garment.
        form: the T-posed body.

    Returns:
        [V, 3] metres, outside the body, higher layers further out.

    Raises:
        PatternError: some vertex cannot be brought outside.
    """
    total, count = np.zeros((sewn.num_vertices, 3)), np.zeros(sewn.num_vertices)
    for name, panel in sewn.panels.items():
        around = sewn.graded.pattern.panels[name].around
        mirror = np.array([-1.0 if around.startswith("right") else 1.0, 1.0, 1.0])
        position = {"torso": _on_torso, "arm": _on_arm, "leg": _on_leg}[around.split("_")[-1]](sewn, panel, form)
        np.add.at(total, panel.index, position * mirror)
        np.add.at(count, panel.index, 1.0)
    margin = _OUTSIDE + 0.005 * sewn.graded.pattern.layer
    return _settled(total / count[:, None], sewn, form, margin)


def _settled(position: np.ndarray, sewn: SewnPattern, form: DressForm, margin: float) -> np.ndarray:
    """Takes most of the stretch out of the placed cloth and brings all of it outside the skin, in turn.

    Stretched edges pull their ends together, as in position-based dynamics (Mueller et al. 2007); nothing pushes.
    """
    surface = Surface(form.faces, len(form.vertices))
    a, b, rest = _edges(sewn)
    degree = np.maximum(np.bincount(np.concatenate([a, b]), minlength=len(position)), 1)[:, None]
    for _ in range(_RELAXING_ROUNDS):
        for _ in range(_RELAXING_STEPS):
            across = position[b] - position[a]
            size = np.linalg.norm(across, axis=1)
            pull = (0.5 * np.maximum(size - rest, 0.0) / np.maximum(size, 1e-9))[:, None] * across
            move = np.stack(
                [
                    np.bincount(a, pull[:, k], len(position)) - np.bincount(b, pull[:, k], len(position))
                    for k in range(3)
                ],
                1,
            )
            position = position + 1.5 * move / degree
        distance, normal = surface.signed_distance(position, form.vertices)
        near = distance < margin
        position[near] += np.clip(margin - distance[near], 0.0, _LARGEST_PUSH)[:, None] * normal[near]
    return _push_outside(position, surface, form, margin)


def _edges(sewn: SewnPattern) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends a [E], b [E] and rest length [E] metres of the welded edges; on seams the mean of both panels'."""
    faces, rest_uv = sewn.faces, sewn.rest_uv
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    sizes = np.concatenate([np.linalg.norm(rest_uv[:, i] - rest_uv[:, j], axis=1) for i, j in ((0, 1), (1, 2), (2, 0))])
    edges, inverse, uses = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    return edges[:, 0], edges[:, 1], np.bincount(inverse.ravel(), sizes) / uses


def _push_outside(position: np.ndarray, surface: Surface, form: DressForm, margin: float) -> np.ndarray:
    distance, normal = surface.signed_distance(position, form.vertices)
    for _ in range(_PUSHES):
        near = distance < margin
        if not near.any():
            break
        position[near] += np.clip(margin - distance[near], 0.0005, _LARGEST_PUSH)[:, None] * normal[near]
        distance, normal = surface.signed_distance(position, form.vertices)
    # Where two surfaces face each other closer than twice the margin, halfway is all that can be had.
    if distance.min() < _MIN_OUTSIDE:
        raise PatternError(
            f"Every garment vertex must start outside the body, or nearly so. Received: {distance.min() * 1000:.1f} mm"
        )
    return position


class _Tube:
    """Half-curves around a limb at a grid of stations along it, to look points up by station and share.

    Args:
        stations: [S] ascending, metres.
        curves: [S, K, 2], each equally spaced in arc length.
    """

    def __init__(self, stations: np.ndarray, curves: np.ndarray):
        self._stations, self._curves = stations, curves

    def at(self, station: np.ndarray, share: np.ndarray) -> np.ndarray:
        """[N, 2] points for stations [N] metres (clamped to the grid) and shares [N] in 0..1 of the curves."""
        row = np.interp(station, self._stations, np.arange(len(self._stations)))
        column = np.clip(share, 0.0, 1.0) * (self._curves.shape[1] - 1)
        r = np.minimum(row.astype(int), len(self._stations) - 2)
        c = np.minimum(column.astype(int), self._curves.shape[1] - 2)
        u, w = (row - r)[:, None], (column - c)[:, None]
        near = (1 - w) * self._curves[r, c] + w * self._curves[r, c + 1]
        far = (1 - w) * self._curves[r + 1, c] + w * self._curves[r + 1, c + 1]
        return (1 - u) * near + u * far


def _grown_hull(points: np.ndarray, clearance: float) -> np.ndarray:
    """Convex hull, counter-clockwise, of discs of radius `clearance` around section points [N, 2].

    Raises:
        PatternError: the section is empty.
    """
    if not len(points):
        raise PatternError("A garment's rows lie at heights that its limb has. Received: one beyond the limb's end")
    angles = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
    ring = clearance * np.stack([np.cos(angles), np.sin(angles)], 1)
    grown = (points[:, None] + ring).reshape(-1, 2)
    return grown[ConvexHull(grown).vertices]


def _arc(hull: np.ndarray, start: float, end: float, centre: np.ndarray) -> np.ndarray:
    """[K, 2] points on a closed convex curve, equally spaced in arc length between two directions seen from inside.

    Args:
        hull: [N, 2] counter-clockwise.
        start: direction in radians of the first point.
        end: direction of the last; above `start` runs counter-clockwise, below it clockwise.
        centre: [2] a point inside, from which the directions are seen.
    """
    angles = np.linspace(start, end, 4 * _ARC_POINTS)
    ray = np.stack([np.cos(angles), np.sin(angles)], 1)
    edge = np.roll(hull, -1, 0) - hull
    normal = np.stack([edge[:, 1], -edge[:, 0]], 1)
    reach = np.maximum((normal * (hull - centre)).sum(1), 1e-9)
    along = ray @ normal.T
    radius = np.where(along > 1e-12, reach / np.maximum(along, 1e-12), np.inf).min(1)
    curve = centre + radius[:, None] * ray
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    at = np.linspace(0.0, arc[-1], _ARC_POINTS)
    return np.stack([np.interp(at, arc, curve[:, k]) for k in range(2)], 1)


class _Rows:
    """The level rows of a panel between its left and its right side, which stand steep; hems and necks close them.

    Outlines run counter-clockwise: the right side goes up, the left one down.

    Args:
        points: [N, 2] metres, the panel's points with level rows.
        panel: whose edges are looked at.
        edges: names of its declared edges.
    """

    def __init__(self, points: np.ndarray, panel: PanelMesh, edges: Iterable[str]):
        border = points[: panel.border]
        sides: dict[bool, list[np.ndarray]] = {True: [], False: []}
        for edge in edges:
            line = points[panel.edges[edge]]
            across, rise = line[-1] - line[0]
            if abs(rise) > abs(across):
                sides[bool(rise > 0)].append(line)
        self._low = _side(sides[False], border[:, 0].min())
        self._high = _side(sides[True], border[:, 0].max())

    def ends(self, y: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Ends in x, the left and the right end of the rows at heights y, metres; beyond a side, that of its end."""
        return np.interp(y, *self._low), np.interp(y, *self._high)

    def share(self, points: np.ndarray) -> np.ndarray:
        """[N] where points [N, 2] lie between the left (0) and the right (1) end of their rows."""
        low, high = self.ends(points[:, 1])
        return np.clip((points[:, 0] - low) / np.maximum(high - low, 1e-6), 0.0, 1.0)

    def width(self, y: float) -> float:
        """Width in metres of the row at height y."""
        low, high = self.ends(y)
        return float(high - low)


def _side(lines: list[np.ndarray], otherwise: float) -> tuple[np.ndarray, np.ndarray]:
    """(y ascending, x) of a side's points; a vertical line where a panel has no such side."""
    if not lines:
        return np.zeros(1), np.array([otherwise])
    points = np.concatenate(lines)
    points = points[np.argsort(points[:, 1], kind="stable")]
    return points[:, 1], points[:, 0]


def _unrolled(sewn: SewnPattern, panel: PanelMesh) -> np.ndarray:
    """Points [N, 2] with level rows: as drawn, or with circles around the apex rolled out."""
    apex = sewn.graded.apexes.get(panel.name)
    if apex is None:
        return panel.points
    offset = panel.points - apex
    radius = np.linalg.norm(offset, axis=1)
    return np.stack([radius * np.arctan2(offset[:, 0], -offset[:, 1]), apex[1] - radius], 1)


def _smoothstep(t: np.ndarray | float) -> np.ndarray:
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _on_torso(sewn: SewnPattern, panel: PanelMesh, form: DressForm) -> np.ndarray:
    """Front and back panels: half a tube below the armpits, a sheet before or behind the yoke above them."""
    clearance = _CLEARANCE + _LAYER_CLEARANCE * sewn.graded.pattern.layer
    values = sewn.graded.values
    declared = sewn.graded.pattern.panels[panel.name]
    front = declared.side == "front"
    points = _unrolled(sewn, panel)
    rows = _Rows(points, panel, declared.edges)
    height = sewn.graded.top + points[:, 1]
    across = points[:, 0] if front else -points[:, 0]
    torso, armpit = form.arm < 0.5, values["armpit_y"]
    # Seen from outside, the front runs from the body's right (-x) over +z to its left, the back on from there.
    start, end = (np.pi, 0.0) if front else (2.0 * np.pi, np.pi)

    def curve(y: float) -> np.ndarray:
        section = form.section(1, y, torso)
        hull = _grown_hull(section, clearance)
        # Wide rows stand off like a bell's; laid closer they would start crumpled.
        spare = 2.0 * rows.width(y - sewn.graded.top) - perimeter(hull)
        if spare > 0.0:
            hull = _grown_hull(section, clearance + spare / (2.0 * np.pi))
        return _arc(hull, start, end, 0.5 * (hull.min(0) + hull.max(0)))

    lowest, highest = float(height.min()), min(float(height.max()), armpit - 0.01)
    stations = np.linspace(min(lowest, highest - 0.05), highest, _STATIONS)
    tube = _Tube(stations, np.stack([curve(y) for y in stations]))
    wrapped = tube.at(height, rows.share(points))
    sheet = np.stack([across, [_yoke_depth(form, x, y, front) for x, y in zip(across, height, strict=True)]], 1)
    rise = max(0.5 * (values["shoulder_tip_y"] - armpit), 0.03)
    blend = _smoothstep((height - armpit + 0.06) / rise)[:, None]
    position = (1.0 - blend) * wrapped + blend * sheet
    return np.stack([position[:, 0], height, position[:, 1]], 1)


def _yoke_depth(form: DressForm, x: float, height: float, front: bool) -> float:
    """Depth (z) of the front or back of the upper body, grown by the clearance, at a point of the frontal plane."""
    sign = 1.0 if front else -1.0
    offset = np.hypot(form.vertices[:, 0] - x, form.vertices[:, 1] - height)
    middle = float(form.joint("L_shoulder")[2])
    near = (offset < _YOKE_REACH) & (form.head < 0.5)
    if not near.any():
        return middle
    bulge = sign * (form.vertices[near, 2] - middle) + np.sqrt(_YOKE_REACH**2 - offset[near] ** 2)
    return middle + sign * max(float(bulge.max()), 0.0)


def _on_arm(sewn: SewnPattern, panel: PanelMesh, form: DressForm) -> np.ndarray:
    """Sleeves, drawn for the left arm: pattern y along it, x around it from the top (0) to the underarm seam."""
    values = sewn.graded.values
    declared = sewn.graded.pattern.panels[panel.name]
    mirror = -1.0 if declared.mirrored else 1.0
    points = panel.points * [mirror, 1.0]
    border = points[: panel.border]
    # Around the limb counts where a point lies, not which hand the sleeve is for.
    rows = _Rows(panel.points, panel, declared.edges)
    along = rows.share(panel.points) if not declared.mirrored else 1.0 - rows.share(panel.points)
    widest = border[:, 0].argmax()
    half, cap_line = border[widest]
    arm = (form.arm >= 0.5) & (form.vertices[:, 0] > 0)
    root = values["shoulder_half"]
    # In the T-pose the cap's curve lies across the shoulder, and the underarm point in the armpit.
    station = root + np.where(points[:, 1] > cap_line, -0.5 * points[:, 1], -0.5 * cap_line - (points[:, 1] - cap_line))

    def curve(x: float) -> np.ndarray:
        hull = _grown_hull(form.section(0, x, arm), _CLEARANCE)
        # From straight down over the front (+z) to the top, over the back and down again, in (z, y).
        return _arc(hull, -0.5 * np.pi, 1.5 * np.pi, 0.5 * (hull.min(0) + hull.max(0)))

    stations = np.linspace(root + 0.03, max(float(station.max()), root + 0.06), _STATIONS)
    tube = _Tube(stations, np.stack([curve(x) for x in stations]))
    share = np.where(points[:, 1] > cap_line, 0.5 + 0.5 * points[:, 0] / half, along)
    around = tube.at(station, share)
    return np.stack([station, around[:, 1], around[:, 0]], 1)


def _on_leg(sewn: SewnPattern, panel: PanelMesh, form: DressForm) -> np.ndarray:
    """Trouser panels, drawn for the left leg: a quarter of the pelvis above the fork, half of the leg below."""
    values = sewn.graded.values
    declared = sewn.graded.pattern.panels[panel.name]
    front = declared.side == "front"
    height = sewn.graded.top + panel.points[:, 1]
    share = _Rows(panel.points, panel, declared.edges).share(panel.points)
    outwards = share if front != declared.mirrored else 1.0 - share
    torso, crotch = form.arm < 0.5, values["crotch_y"]
    fork = float(height[panel.edges["crotch"]].min())
    quarter = 0.5 * np.pi if front else -0.5 * np.pi

    def pelvis_curve(y: float) -> np.ndarray:
        hull = _grown_hull(form.section(1, y, torso), _CLEARANCE)
        return _arc(hull, quarter, 0.0, np.array([0.0, 0.5 * (hull[:, 1].min() + hull[:, 1].max())]))

    def leg_curve(y: float) -> np.ndarray:
        section = form.section(1, y, torso)
        section = section[section[:, 0] > 0.0]
        hull = _grown_hull(section, _CLEARANCE)
        # Between the thighs there is less room than the clearance: the middle plane is the border.
        hull[:, 0] = np.maximum(hull[:, 0], 0.0)
        return _arc(hull, 2.0 * quarter, 0.0, 0.5 * (hull.min(0) + hull.max(0)))

    above = np.linspace(crotch - 0.02, max(float(height.max()), crotch + 0.05), _STATIONS)
    below = np.linspace(min(float(height.min()), crotch - 0.1), crotch - 0.01, _STATIONS)
    pelvis = _Tube(above, np.stack([pelvis_curve(y) for y in above])).at(height, outwards)
    leg = _Tube(below, np.stack([leg_curve(y) for y in below])).at(height, outwards)
    blend = _smoothstep((values["hip_y"] - height) / max(values["hip_y"] - fork, 0.03))[:, None]
    position = (1.0 - blend) * pelvis + blend * leg
    return np.stack([position[:, 0], height, position[:, 1]], 1)
