"""Whether a body can do a motion: joints within what people were seen to do, and no part inside another.

Interpolated poses are "atypical actions" (paper section 3.2) and some are impossible; those are rejected, and counted.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from model import conventions
from model.body.numpy_body import NumpyBody
from model.conventions import JOINTS
from model.errors import ConfigError, MotionError
from synthesis.motion import joint_limits
from synthesis.motion.body_spheres import BodySpheres
from synthesis.motion.interpolation import InterpolationSettings, interpolate
from synthesis.motion.motion import Motion

JOINT_LIMIT, SELF_PENETRATION = "a joint beyond its limit", "a part inside another"
ALIKE = "two motions alike"
# Draws for each motion that is wanted, before the motions given are held to be unfit.
_MOST_DRAWS = 20


@dataclasses.dataclass(frozen=True)
class AnatomySettings:
    """What is still possible.

    Attributes:
        margin: radians that a joint may be from the nearest rotation that was captured.
        depth: metres that two parts may be in each other; flesh gives way by as much.

    Raises:
        ConfigError: a value cannot work.
    """

    margin: float = np.radians(20.0)
    depth: float = 0.06

    def __post_init__(self):
        if not (0 <= self.margin < np.inf and 0 <= self.depth < np.inf):
            raise ConfigError(f"Margin and depth are zero or more. Received: margin={self.margin}, depth={self.depth}")


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """What was found in T frames.

    Attributes:
        joint_excess: [T, 24] radians by which each joint is off what was captured (`joint_limits.excess`).
        depth: [T] metres of the deepest overlap of two parts.
        kinds: which of JOINT_LIMIT and SELF_PENETRATION are the case.
        reasons: one sentence for each of kinds, with the joint or parts, the amount and the frame.
    """

    joint_excess: np.ndarray
    depth: np.ndarray
    kinds: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def possible(self) -> bool:
        """Whether nothing was found."""
        return not self.kinds


class Anatomy:
    """Checks motions against one person.

    Example:
        report = Anatomy(body).check(motion)
        if not report.possible: print(report.reasons)
    """

    def __init__(self, body: NumpyBody, betas: np.ndarray | None = None, settings: AnatomySettings | None = None):
        """Measures the person: betas [10], the mean shape if None."""
        self.settings = settings or AnatomySettings()
        self._spheres = BodySpheres(body, np.zeros(conventions.NUM_BETAS) if betas is None else betas)

    def check(self, motion: Motion) -> Report:
        """Looks at every frame."""
        excess = joint_limits.excess(motion.pose)
        contact = self._spheres.contact(motion.pose)
        found = {}
        if excess.max() > self.settings.margin:
            frame, j = np.unravel_index(int(excess.argmax()), excess.shape)
            found[JOINT_LIMIT] = (
                f"{JOINTS[j]} is {np.degrees(excess[frame, j]):.0f} degrees off what people were seen to do "
                f"(limit {np.degrees(self.settings.margin):.0f}) in frame {frame}"
            )
        deepest = int(contact.depth.argmax())
        if contact.depth[deepest] > self.settings.depth:
            one, other = contact.parts[deepest]
            found[SELF_PENETRATION] = (
                f"{one} and {other} are {1000 * contact.depth[deepest]:.0f} mm in each other "
                f"(limit {1000 * self.settings.depth:.0f}) in frame {deepest}"
            )
        return Report(excess, contact.depth, tuple(found), tuple(found.values()))


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """Interpolated motions that are possible, and why others were rejected: reason -> how many."""

    accepted: list[Motion]
    rejected: dict[str, int]


def draw_interpolations(
    motions: Sequence[Motion],
    count: int,
    rng: np.random.Generator,
    anatomy: Anatomy,
    settings: InterpolationSettings | None = None,
) -> Drawn:
    """Interpolates between pairs drawn from some motions until `count` possible ones are made.

    No pair is drawn twice; one that fails for two reasons counts for both.

    Args:
        motions: two or more.
        count: how many to make; fewer come back where the pairs run out, or after 20 draws for each.
        rng: draws the pairs.
        anatomy: of the person who is to do them.
        settings: of the interpolation.

    Raises:
        MotionError: there are fewer than two motions.
    """
    if len(motions) < 2:
        raise MotionError(f"Two motions or more are needed to interpolate between. Received: {len(motions)}")
    accepted: list[Motion] = []
    rejected: collections.Counter[str] = collections.Counter()
    seen: set[tuple[int, int]] = set()
    pairs = len(motions) * (len(motions) - 1) // 2
    draws = 0
    while len(accepted) < count and len(seen) < pairs and draws < _MOST_DRAWS * count:
        draws += 1
        a, b = (int(i) for i in rng.choice(len(motions), 2, replace=False))
        if (min(a, b), max(a, b)) in seen:
            continue
        seen.add((min(a, b), max(a, b)))
        try:
            motion = interpolate(motions[a], motions[b], settings)
        except MotionError:
            rejected[ALIKE] += 1
            continue
        report = anatomy.check(motion)
        rejected.update(report.kinds)
        if report.possible:
            accepted.append(motion)
    return Drawn(accepted, dict(rejected))
