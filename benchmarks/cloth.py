"""Cloth: cost and quality on captured motion, Blender's cloth beside it, and how many clips pass the gates.

The motions (--motions, stems of files below --mocap; null figures without them) are a walk, a dance, a run, hops and a
cartwheel, `--seconds` from the middle of each, on the mean body with the lead-in in front. "Judged" are all but the
cartwheel. CPU seconds are the process's, over the frames after the draping, lead-in included.

Figures:
  outfit_cpu_s_per_frame        T-shirt and trousers of at least 8,000 vertices; tshirt_...: a T-shirt alone of 4,300;
                                mean over the motions. ..._worst: the slowest motion. ..._drape_cpu_s: until frame 0
  outfit_stretch_p99, outfit_inside_share, outfit_self_intersection_share
                                the worst judged motion; ..._mean: their mean. tshirt_... likewise
  stretch_p99, inside_share, self_intersection_share   the worst of outfit and T-shirt
  blender_outfit_cpu_s_per_frame, blender_outfit_stretch_p99, ..., blender_tshirt_...
                                Blender's cloth with self-collision, garments starting from our draped frame 0
  outfit_blender_ratio, tshirt_blender_ratio           Blender's CPU seconds over ours; blender_ratio is the lower one
                                (all null without bpy)
  gate_pass_share               of --clips simulations (judged motions; windows, people, outfits, fabrics drawn) those
                                that pass gates.STRICT, emitted_pass_share: gates.EMITTED; the settings say why not
  cartwheel_pass_share          the same of the motions that are not judged
  peak_memory_mb                of this process
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import resource
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import threadpoolctl
import tqdm
from absl import flags

import benchmarks.motion  # --mocap
from benchmarks.harness import Figure, Result
from model import conventions
from model.errors import ConfigError, MotionError
from synthesis import avatar, dressed
from synthesis.cloth import gates
from synthesis.cloth.blender import engine as blender
from synthesis.cloth.engine import ClothEngine, ClothResult
from synthesis.cloth.simulate import ImplicitEngine
from synthesis.garments.dress import dress
from synthesis.garments.fabrics import FABRICS
from synthesis.garments.library import OUTFITS
from synthesis.motion import library, placement
from synthesis.motion.motion import Motion

MOTIONS = ("02_01", "05_06", "09_11", "131_03", "49_08")
NOT_JUDGED = ("49_08",)
PARTS = ("outfit", "tshirt", "blender", "gates")
# What is timed: outfit and the vertices that it has at least.
TIMED = {"outfit": ("tshirt_trousers", 8000), "tshirt": ("tshirt", 4300)}
# Frames a second that the targets are stated for.
FPS = 30.0
# Of the gates' clips, metres: what datasets are made with.
GATE_EDGE_LENGTH = 0.02
_KINDS = (".bvh", ".amc", ".npz")  # in order of preference; C3D would have to be solved first

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(benchmarks.motion)
flags.DEFINE_list("motions", list(MOTIONS), "stems of motion files below --mocap")
flags.DEFINE_list("fabrics", ["cotton"], "of the timed garments, inner ones first; one name: all of it")
flags.DEFINE_float("seconds", 2.0, "length of each motion", lower_bound=0.1)
flags.DEFINE_integer("clips", 20, "simulations that the gates judge", lower_bound=1)
flags.DEFINE_list("only", list(PARTS), f"parts to measure, of {', '.join(PARTS)}")


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One simulation.

    Attributes:
        name: what it is, in words.
        motion: stem of the file.
        dressed: scene and lead-in.
    """

    name: str
    motion: str
    dressed: dressed.DressedMotion


def run() -> Result:
    """Measures what --only names on the motions below --mocap.

    Raises:
        ConfigError: parts or fabrics that are not there.
    """
    for flag, known in (("only", PARTS), ("fabrics", tuple(FABRICS))):
        wrong = sorted(set(getattr(FLAGS, flag)) - set(known))
        if wrong:
            raise ConfigError(f"--{flag} takes {', '.join(known)}. Received: {', '.join(wrong)}")
    settings: dict[str, Any] = {name: getattr(FLAGS, name) for name in ("motions", "fabrics", "seconds", "clips")}
    figures: dict[str, Figure] = {}
    with threadpoolctl.threadpool_limits(1):
        found = {stem: find_motion(FLAGS.mocap, stem) for stem in FLAGS.motions}
        motions = {stem: path for stem, path in found.items() if path is not None}
        for kind in TIMED:
            wanted = kind in FLAGS.only and bool(motions)
            figures |= _timed_figures(kind, motions, settings) if wanted else _none(kind)
        for figure in ("stretch_p99", "inside_share", "self_intersection_share"):
            values = [v for v in (figures[f"{kind}_{figure}"] for kind in TIMED) if v is not None]
            figures[figure] = max(values, default=None)
        ratios = [v for v in (figures[f"{kind}_blender_ratio"] for kind in TIMED) if v is not None]
        figures["blender_ratio"] = min(ratios, default=None)
        figures |= _gate_figures(motions if "gates" in FLAGS.only else {}, settings)
    figures["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Result(settings, figures)


def find_motion(folder: str | pathlib.Path, stem: str) -> pathlib.Path | None:
    """The file of a trial, exported again or not, or None; BVH before other kinds."""
    try:
        paths = library.find_motion_files(folder)
    except MotionError:
        return None
    usable = [p for p in paths if p.suffix in _KINDS and p.stem in (stem, f"{stem}_reexported")]
    return min(usable, key=lambda path: (_KINDS.index(path.suffix), path.stem), default=None)


def cases(
    outfit: str = "tshirt_trousers",
    vertices: int = 8000,
    fabrics: Sequence[str] = ("cotton",),
    motions: Sequence[str] = MOTIONS,
    seconds: float = 2.0,
    mocap: str | pathlib.Path = "../shared/mocap",
) -> Iterator[Case]:
    """The timed simulations: one outfit on the mean body, in the middle of each motion.

    Args:
        outfit: as `synthesis.garments.dress.dress` takes it.
        vertices: that the outfit has at least.
        fabrics: one for each garment, or one for all.
        motions: stems; those without a file are left out.
        seconds: length of each.
        mocap: folder of motion files.
    """
    body, betas = avatar.avatar_body(), np.zeros(conventions.NUM_BETAS, np.float32)
    edge_length = edge_length_for(outfit, vertices)
    for stem in motions:
        path = find_motion(mocap, stem)
        if path is not None:
            motion = _whole(path)
            frames = min(round(seconds * FPS), len(motion))
            window = motion.window((len(motion) - frames) // 2, frames)
            yield Case(f"{outfit} {stem}", stem, _dressed(window, body, betas, outfit, edge_length, 1.0, fabrics))


def random_cases(motions: dict[str, pathlib.Path], clips: int, seconds: float) -> Iterator[Case]:
    """Simulations as a plan draws them: motions in turn; window, person, outfit, looseness and fabrics at random."""
    body = avatar.avatar_body()
    for k in range(clips):
        stem = list(motions)[k % len(motions)]
        rng = np.random.default_rng([k, *stem.encode()])
        motion = _whole(motions[stem])
        frames = min(round(seconds * FPS), len(motion))
        window = motion.window(int(rng.integers(len(motion) - frames + 1)), frames)
        betas = avatar.random_betas(avatar.SEXES[k // len(motions) % 2], rng)
        outfit = str(rng.choice(list(OUTFITS)))
        ease = float(rng.uniform(0.9, 1.25))
        fabrics = [str(name) for name in rng.choice(list(FABRICS), size=len(OUTFITS[outfit]))]
        name = f"{k}: {stem} {outfit} {'+'.join(fabrics)}"
        yield Case(name, stem, _dressed(window, body, betas, outfit, GATE_EDGE_LENGTH, ease, fabrics))


@functools.cache
def edge_length_for(outfit: str, vertices: int) -> float:
    """The longest edge length, metres to a per cent, with which an outfit has so many vertices on the mean body."""
    betas = np.zeros(conventions.NUM_BETAS, np.float32)

    def count(edge_length: float) -> int:
        return sum(len(mesh.vertices) for mesh in dress(outfit, avatar.avatar_body(), betas, edge_length))

    edge_length = 0.02 * np.sqrt(count(0.02) / vertices)
    while count(edge_length) < vertices:
        edge_length *= 0.99
    return float(edge_length)


def simulate(case: Case, engine: ClothEngine) -> tuple[ClothResult, gates.Quality]:
    """A simulation and its quality, lead-in not judged."""
    result = engine.simulate(case.dressed.scene)
    return result, gates.measure(case.dressed.scene, result, case.dressed.lead)


def simulate_in_blender(case: Case, ours: ClothResult) -> tuple[ClothResult, gates.Quality]:
    """The same in Blender's cloth from our draped frame 0, for it draws placed garments through the body."""
    scene = case.dressed.scene
    draped = (
        dataclasses.replace(garment, vertices=moved[0].astype(np.float64))
        for garment, moved in zip(scene.garments, ours.vertices, strict=True)
    )
    result = blender.BlenderEngine().simulate(dataclasses.replace(scene, garments=tuple(draped)))
    # Measured with the garments as placed, which say whose skin each vertex is over.
    return result, gates.measure(scene, result, case.dressed.lead)


def cpu_per_frame(case: Case, result: ClothResult) -> float:
    """CPU seconds a frame after the draping."""
    return result.stats.motion_cpu_seconds / (len(case.dressed.scene.body_vertices) - 1)


def _whole(path: pathlib.Path) -> Motion:
    return library.load_motion(path).resample(FPS)


def _dressed(motion, body, betas, outfit, edge_length, ease, fabrics) -> dressed.DressedMotion:
    pose, trans = placement.place(motion, body, betas)
    garments = dress(outfit, body, betas, edge_length, ease)
    names = list(fabrics) * len(garments) if len(fabrics) == 1 else fabrics
    return dressed.set_in_motion(body, betas, pose, trans, FPS, garments, [FABRICS[name] for name in names])


def _timed_figures(kind: str, motions: dict[str, pathlib.Path], settings: dict[str, Any]) -> dict[str, Figure]:
    outfit, vertices = TIMED[kind]
    with_blender = "blender" in FLAGS.only and blender.available()
    samples: dict[str, list[float]] = defaultdict(list)
    chosen = cases(outfit, vertices, FLAGS.fabrics, list(motions), FLAGS.seconds, FLAGS.mocap)
    for case in tqdm.tqdm(chosen, desc=kind, total=len(motions), unit="motion", dynamic_ncols=True):
        ours, quality = simulate(case, ImplicitEngine())
        settings[f"{kind}_vertices"] = sum(v.shape[1] for v in ours.vertices)
        samples["cpu"].append(cpu_per_frame(case, ours))
        samples["drape"].append(ours.stats.drape_cpu_seconds)
        settings[case.name] = f"{samples['cpu'][-1]:.3f} CPU s/frame; {_verdict(quality)}"
        _collect(samples, "", case, quality)
        if with_blender:
            theirs, quality = simulate_in_blender(case, ours)
            samples["blender_cpu"].append(cpu_per_frame(case, theirs))
            settings[f"blender {case.name}"] = f"{samples['blender_cpu'][-1]:.3f} CPU s/frame; {_verdict(quality)}"
            _collect(samples, "blender_", case, quality)
    figures = _none(kind)
    figures[f"{kind}_cpu_s_per_frame"] = float(np.mean(samples["cpu"]))
    figures[f"{kind}_cpu_s_per_frame_worst"] = max(samples["cpu"])
    figures[f"{kind}_drape_cpu_s"] = float(np.mean(samples["drape"]))
    for name in ("stretch_p99", "inside_share", "self_intersection_share"):
        for whose in ("", "blender_"):
            values = samples[whose + name]
            if values:
                figures[f"{whose}{kind}_{name}"] = max(values)
                figures[f"{whose}{kind}_{name}_mean"] = float(np.mean(values))
    if with_blender:
        figures[f"blender_{kind}_cpu_s_per_frame"] = float(np.mean(samples["blender_cpu"]))
        figures[f"{kind}_blender_ratio"] = float(np.mean(samples["blender_cpu"]) / np.mean(samples["cpu"]))
    return figures


def _none(kind: str) -> dict[str, Figure]:
    """The figures of a part, none of them measured."""
    qualities = [f"{kind}_{n}{of}" for n in ("stretch_p99", "inside_share", "self_intersection_share")
                 for of in ("", "_mean")]  # fmt: skip
    own = [f"{kind}_cpu_s_per_frame", f"{kind}_cpu_s_per_frame_worst", f"{kind}_drape_cpu_s", *qualities]
    theirs = [f"blender_{name}" for name in (f"{kind}_cpu_s_per_frame", *qualities)]
    return dict.fromkeys([*own, *theirs, f"{kind}_blender_ratio"])


def _collect(samples: dict[str, list[float]], whose: str, case: Case, quality: gates.Quality) -> None:
    if case.motion not in NOT_JUDGED:
        samples[f"{whose}stretch_p99"].append(quality.stretch_p99)
        samples[f"{whose}inside_share"].append(quality.inside_share)
        samples[f"{whose}self_intersection_share"].append(quality.intersection_share)


def _gate_figures(motions: dict[str, pathlib.Path], settings: dict[str, Any]) -> dict[str, Figure]:
    judged = {stem: path for stem, path in motions.items() if stem not in NOT_JUDGED}
    others = {stem: path for stem, path in motions.items() if stem in NOT_JUDGED}
    figures: dict[str, Figure] = dict.fromkeys(("gate_pass_share", "emitted_pass_share", "cartwheel_pass_share"))
    qualities = []
    for case in _progress(random_cases(judged, FLAGS.clips, FLAGS.seconds) if judged else iter(()), FLAGS.clips):
        qualities.append(simulate(case, ImplicitEngine())[1])
        settings[case.name] = _verdict(qualities[-1])
    if qualities:
        figures["gate_pass_share"] = float(np.mean([not gates.reasons(q, gates.STRICT) for q in qualities]))
        figures["emitted_pass_share"] = float(np.mean([not gates.reasons(q, gates.EMITTED) for q in qualities]))
    # As many of each motion that is not judged as of each that is.
    count = -(-FLAGS.clips // max(len(judged), 1)) * len(others)
    passed = []
    for case in _progress(random_cases(others, count, FLAGS.seconds) if others else iter(()), count):
        quality = simulate(case, ImplicitEngine())[1]
        settings[case.name] = _verdict(quality)
        passed.append(not gates.reasons(quality, gates.STRICT))
    if passed:
        figures["cartwheel_pass_share"] = float(np.mean(passed))
    return figures


def _progress(chosen: Iterator[Case], count: int) -> Iterator[Case]:
    return iter(tqdm.tqdm(chosen, desc="gates", total=count, unit="clip", dynamic_ncols=True))


def _verdict(quality: gates.Quality) -> str:
    """Why a simulation does not pass, or "passes"."""
    return "; ".join(gates.reasons(quality, gates.STRICT)) or "passes"
