"""What a plan holds, counted clip by clip."""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Iterable, Iterator

from synthesis.scene.plan import BUILTIN, ClipPlan

_SHOWN = 8


class PlanSummary:
    """Counts of a plan; memory grows with the number of simulations, not of clips."""

    def __init__(self) -> None:
        self.clips = self.frames = 0
        self._simulations: set[str] = set()
        self._counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)

    def counted(self, clips: Iterable[ClipPlan]) -> Iterator[ClipPlan]:
        """Passes clips through and counts them."""
        for clip in clips:
            self.add(clip)
            yield clip

    def add(self, clip: ClipPlan) -> None:
        """Counts one clip."""
        simulation = clip.simulation
        self.clips += 1
        self.frames += clip.length
        count = self._counts
        count["clips by split"][clip.split] += 1
        count["clips by view"][clip.viewpoint.name] += 1
        count["clips by backdrop"][pathlib.PurePath(clip.backdrop).name] += 1
        count["clips by texture"].update({kind for kind, _ in clip.textures})
        key = simulation.key
        if key in self._simulations:
            return
        self._simulations.add(key)
        files = simulation.motion.source != BUILTIN
        count["simulations by motion file" if files else "simulations by motion"][simulation.motion.kind] += 1
        count["simulations by outfit"][simulation.outfit] += 1
        count["simulations by fabric"].update(set(simulation.fabrics))
        count["simulations by sex"][simulation.sex] += 1

    def lines(self) -> list[str]:
        """A few lines for people: totals, then the most common values of each choice."""
        found = [f"{self.clips} clips, {self.frames} frames, {len(self._simulations)} simulations"]
        for title in sorted(self._counts):
            counter = self._counts[title]
            shown = ", ".join(f"{name} {count}" for name, count in counter.most_common(_SHOWN))
            hidden = len(counter) - _SHOWN
            found.append(f"{title}: {shown}" + (f", {hidden} more" if hidden > 0 else ""))
        return found
