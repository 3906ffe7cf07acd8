"""What the fields of a planned clip must be together; each field by itself is checked by its type annotation."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from model import conventions
from model.typed_json import Problem, one_of
from synthesis import assets
from synthesis.garments.expressions import PatternError
from synthesis.garments.library import OUTFITS, garments_of
from synthesis.motion import builtin
from synthesis.scene import backgrounds, textures

if TYPE_CHECKING:
    from synthesis.scene.plan import ClipPlan

# Clip ids become file names.
_CLIP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}")


def contradictions(clip: ClipPlan) -> list[Problem]:
    """Problems of a clip whose fields are each of the right kind; empty: it can be made, as far as a plan can tell."""
    problems = []

    def expect(holds: bool, path: str, wanted: str, received: object) -> None:
        if not holds:
            problems.append(Problem(path, wanted, repr(received)))

    simulation, motion = clip.simulation, clip.simulation.motion
    expect(_CLIP_ID.fullmatch(clip.clip_id) is not None, "clip_id", "letters, digits, '.', '_', '+', '-'", clip.clip_id)
    count = conventions.NUM_BETAS
    expect(len(simulation.betas) == count, "simulation.betas", f"{count} numbers", len(simulation.betas))
    if motion.source == "builtin":
        known = builtin.KINDS
        expect(motion.kind in known, "simulation.motion.kind", one_of(known, motion.kind), motion.kind)
    try:
        garments = len(garments_of(simulation.outfit))
    except PatternError:
        wanted = one_of(list(OUTFITS), simulation.outfit) + ", a garment's name or a pattern file"
        problems.append(Problem("simulation.outfit", wanted, repr(simulation.outfit)))
    else:
        each = f"one for each of the outfit's {garments} garments"
        expect(len(simulation.fabrics) == garments, "simulation.fabrics", each, len(simulation.fabrics))
        expect(len(clip.textures) == garments, "textures", each, len(clip.textures))
    last = clip.start + clip.stride * (clip.length - 1)
    window = f"start + stride * (length - 1) below simulation.motion.frames, {motion.frames}"
    expect(last < motion.frames, "length", window, last)
    kinds = backgrounds.KINDS
    expect(clip.backdrop in kinds or _is_place(clip.backdrop), "backdrop",
           one_of(kinds, clip.backdrop) + ", a picture, a folder of them or asset:NAME", clip.backdrop)  # fmt: skip
    for number, (source, _) in enumerate(clip.textures):
        wanted = one_of(textures.KINDS, source) + " or a folder of pictures"
        expect(source in textures.KINDS or _is_place(source), f"textures[{number}][0]", wanted, source)
    return problems


def _is_place(source: str) -> bool:
    """Whether a source means files, wherever they are: a plan may be read where its pictures are not."""
    return source.startswith(assets.PREFIX) or os.sep in source or "/" in source or os.path.exists(source)
