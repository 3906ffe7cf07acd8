"""The plan: every random choice of a dataset as plain data, one JSON line a clip.

Rendering is a pure function of a line and the assets, so a dataset can be read, edited and repeated line by line. A
choice is drawn from (dataset seed, name of what it is for), never from global state: more clips change no earlier one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import numpy as np

from model.errors import ConfigError
from model.storage import written_aside
from model.typed_json import Above, AtLeast, FieldError, OneOf, Problem, build
from synthesis import avatar
from synthesis.garments.fabrics import FABRICS
from synthesis.garments.library import OUTFITS
from synthesis.motion import builtin
from synthesis.render import backends
from synthesis.render.film import Film, draw_film
from synthesis.render.interface import AreaLight
from synthesis.scene import backgrounds, plan_checks, textures
from synthesis.scene.appearance import Appearance, draw_appearance
from synthesis.scene.cameras import MODES, Lens, Viewpoint, draw_viewpoints
from synthesis.scene.lights import draw_lights

SPLITS = ("train", "eval")
BUILTIN = "builtin"
# Frames a second that cloth is simulated at; clips may show fewer.
SIMULATION_FPS = 30.0
# Bad lines of a plan file that are reported at once.
MAX_BAD_LINES = 10

Index = Annotated[int, AtLeast(0)]
Count = Annotated[int, AtLeast(1)]


@dataclasses.dataclass(frozen=True)
class MotionPlan:
    """Which motion: a built-in by kind and seed, or a window of a file.

    Attributes:
        source: "builtin", or the path of a motion file.
        kind: built-in kind, or the file's stem.
        seed: of a built-in motion.
        start: first frame of the window at SIMULATION_FPS.
        frames: length of the window at SIMULATION_FPS.
    """

    source: str
    kind: str
    seed: Index
    start: Index
    frames: Count


@dataclasses.dataclass(frozen=True)
class SimulationPlan:
    """A dressed, moving person: what the four viewpoints and all windows of it share.

    Attributes:
        body_id: the body that betas belong to.
        sex: whom the shape was drawn from.
        betas: shape, in the neutral body's space.
        motion: what is done.
        outfit: a name of garments.library.OUTFITS.
        ease: looseness of the outfit.
        fabrics: one for each garment.
        edge_length: of the cloth's triangles, metres.
    """

    body_id: str
    sex: Annotated[str, OneOf(avatar.SEXES)]
    betas: tuple[float, ...]
    motion: MotionPlan
    outfit: str
    ease: Annotated[float, Above(0)]
    fabrics: tuple[Annotated[str, OneOf(FABRICS)], ...]
    edge_length: Annotated[float, Above(0)]

    @property
    def key(self) -> str:
        """Name of this simulation by its content, for caches."""
        return _digest(dataclasses.asdict(self))


@dataclasses.dataclass(frozen=True)
class ClipPlan:
    """One clip.

    Attributes:
        clip_id: unique in the dataset.
        split: "train" or "eval".
        dataset_seed: what all choices were drawn from.
        simulation: who moves how in what.
        start: first frame shown, in frames of the simulation.
        stride: simulation frames between two shown ones.
        length: frames shown.
        viewpoint: where the camera stands.
        lens: sensor, focal length, picture size.
        appearance: skin, hair, eyes, shoes.
        textures: for each garment a kind or a folder of pictures (textures.find), and its seed.
        lights: four area lights.
        backdrop: kind of painted backdrop, a picture, panorama or folder of them, or "asset:NAME" (backgrounds.find).
        backdrop_seed: of the backdrop.
        film: exposure, focus, noise and coding.
        renderer: a name of render.backends; pixels of two renderers differ.
    """

    clip_id: str
    split: Annotated[str, OneOf(SPLITS)]
    dataset_seed: Index
    simulation: SimulationPlan
    start: Index
    stride: Count
    length: Annotated[int, AtLeast(2)]
    viewpoint: Viewpoint
    lens: Lens
    appearance: Appearance
    textures: tuple[tuple[str, Index], ...]
    lights: tuple[AreaLight, ...]
    backdrop: str
    backdrop_seed: Index
    film: Film
    renderer: Annotated[str, OneOf(backends.NAMES)] = backends.GL

    @property
    def fps(self) -> float:
        """Frames a second of the clip."""
        return SIMULATION_FPS / self.stride

    def to_json(self) -> str:
        """One line of the plan file."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)


@dataclasses.dataclass(frozen=True)
class PlanSettings:
    """What a dataset should be.

    Attributes:
        seed: every choice is drawn from it.
        train_simulations: dressed, moving people of the train split.
        eval_simulations: the same for eval; no body, outfit or motion is in both.
        windows: clips cut from a simulation, each seen from four viewpoints.
        length: frames of a clip.
        stride: simulation frames (30 a second) between frames of a clip.
        edge_length: of the cloth's triangles, metres.
        photos: folder of background photos, or "" for painted backdrops.
        hdris: folder of panoramas that light their clips, or "asset:NAME"; "" for none.
        hdri_share: share of the clips that take their backdrop from `hdris`, where there are any.
        textures: folder of pictures that garments are made of, or "" for woven and printed built-ins.
        camera_modes: some of cameras.MODES.
        renderer: a name of render.backends.
    """

    seed: int = 0
    train_simulations: int = 24
    eval_simulations: int = 8
    windows: int = 2
    length: int = 16
    stride: int = 2
    edge_length: float = 0.02
    photos: str = ""
    hdris: str = ""
    hdri_share: float = 0.5
    textures: str = ""
    camera_modes: tuple[str, ...] = MODES
    renderer: str = backends.GL

    def __post_init__(self):
        for name in ("train_simulations", "eval_simulations", "windows", "stride"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is at least 1. Received: {getattr(self, name)}")
        if self.length < 2:
            raise ConfigError(f"A clip has at least 2 frames. Received: length={self.length}")
        if not 0 <= self.hdri_share <= 1:
            raise ConfigError(f"hdri_share lies between 0 and 1. Received: {self.hdri_share}")
        if self.seed < 0:
            raise ConfigError(f"A seed is not negative. Received: {self.seed}")

    @property
    def frames(self) -> int:
        """Simulation frames that all windows together take."""
        return self.windows * self.length * self.stride


def draw_plan(settings: PlanSettings, motions: Sequence[tuple[pathlib.Path, int]] = ()) -> list[ClipPlan]:
    """Draws a whole dataset; `draw_clips` without holding it in memory."""
    return list(draw_clips(settings, motions))


def draw_clips(settings: PlanSettings, motions: Sequence[tuple[pathlib.Path, int]] = ()) -> Iterator[ClipPlan]:
    """Draws a dataset clip by clip; the clips of a simulation follow each other.

    Args:
        settings: its size and seed.
        motions: motion files with their lengths in frames at SIMULATION_FPS; empty: the built-in motions.

    Raises:
        ConfigError: the motions are too few or too short to keep train and eval apart.
    """
    counts = {"train": settings.train_simulations, "eval": settings.eval_simulations}
    chosen = _draw_file_motions(settings, motions, counts) if motions else _draw_builtin_motions(settings, counts)
    for split in SPLITS:
        for index, motion in enumerate(chosen[split]):
            yield from _draw_simulation(settings, split, index, motion)


def _rng(settings: PlanSettings, *names: object) -> np.random.Generator:
    return np.random.default_rng([settings.seed, *(zlib.crc32(str(name).encode()) for name in names)])


def _draw_builtin_motions(settings: PlanSettings, counts: dict[str, int]) -> dict[str, list[MotionPlan]]:
    """Kinds in random order, each before any repeats; seeds are even in train and odd in eval."""
    chosen: dict[str, list[MotionPlan]] = {}
    for split, parity in zip(SPLITS, (0, 1), strict=True):
        rng = _rng(settings, "motions", split)
        rounds = -(-counts[split] // len(builtin.KINDS))
        kinds = np.concatenate([rng.permutation(builtin.KINDS) for _ in range(rounds)])[: counts[split]]
        seeds = 2 * rng.choice(2**20, size=len(kinds), replace=False) + parity
        chosen[split] = [
            MotionPlan(BUILTIN, str(kind), int(seed), 0, settings.frames)
            for kind, seed in zip(kinds, seeds, strict=True)
        ]
    return chosen


def _draw_file_motions(
    settings: PlanSettings, motions: Sequence[tuple[pathlib.Path, int]], counts: dict[str, int]
) -> dict[str, list[MotionPlan]]:
    """Whole files go to one split; a file gives several simulations, from different places of it."""
    usable = [(path, frames) for path, frames in motions if frames >= settings.length * settings.stride]
    if len(usable) < len(SPLITS):
        needed = settings.length * settings.stride / SIMULATION_FPS
        raise ConfigError(
            f"Train and eval share no motion, so at least 2 motion files of {needed:.1f} s are needed. "
            f"Received: {len(usable)} of {len(motions)}"
        )
    rng = _rng(settings, "motions")
    order = rng.permutation(len(usable))
    held_out = min(max(1, round(len(usable) * counts["eval"] / sum(counts.values()))), len(usable) - 1)
    files = {"eval": order[:held_out], "train": order[held_out:]}
    chosen: dict[str, list[MotionPlan]] = {}
    for split in SPLITS:
        # Long files hold more that is worth seeing: simulations are dealt out by length, each file at least once.
        lengths = np.array([usable[i][1] for i in files[split]], float)
        quota = np.ones(len(lengths), int)
        while quota.sum() < counts[split]:
            quota[np.argmax(lengths / quota)] += 1
        picks = np.repeat(files[split], quota)[: counts[split]]
        chosen[split] = []
        for i in picks:
            path, available = usable[i]
            frames = min(settings.frames, available)
            start = int(rng.integers(available - frames + 1))
            chosen[split].append(MotionPlan(str(path), path.stem, 0, start, frames))
    return chosen


def _draw_simulation(settings: PlanSettings, split: str, index: int, motion: MotionPlan) -> Iterator[ClipPlan]:
    rng = _rng(settings, split, index)
    # Sexes alternate within each split, so that both are in every dataset.
    sex = avatar.SEXES[index % 2]
    betas = avatar.random_betas(sex, rng)
    outfit = str(rng.choice(list(OUTFITS)))
    garments = OUTFITS[outfit]
    body = avatar.avatar_body()
    simulation = SimulationPlan(
        body_id=body.data.body_id,
        sex=sex,
        betas=tuple(round(float(b), 4) for b in betas),
        motion=motion,
        outfit=outfit,
        ease=round(float(rng.uniform(0.9, 1.25)), 3),
        fabrics=tuple(str(f) for f in rng.choice(list(FABRICS), size=len(garments))),
        edge_length=settings.edge_length,
    )
    rest, _ = body.shaped(np.array(simulation.betas))
    lens = Lens()
    distance = lens.fitting_distance(float(np.ptp(rest[:, 1])))
    window_frames = settings.length * settings.stride
    for window in range(min(settings.windows, motion.frames // window_frames)):
        for view in draw_viewpoints(rng, distance, modes=settings.camera_modes):
            yield ClipPlan(
                clip_id=f"{split}-{index:05d}-{window}-{view.name}",
                split=split,
                dataset_seed=settings.seed,
                simulation=simulation,
                start=window * window_frames,
                stride=settings.stride,
                length=settings.length,
                viewpoint=view,
                lens=lens,
                appearance=draw_appearance(rng, sex),
                textures=tuple(
                    (settings.textures or str(rng.choice(textures.KINDS)), int(rng.integers(2**31))) for _ in garments
                ),
                lights=draw_lights(rng),
                backdrop=_draw_backdrop(settings, rng),
                backdrop_seed=int(rng.integers(2**31)),
                film=draw_film(rng, lens.focal_length, lens.sensor_width),
                renderer=settings.renderer,
            )


def _draw_backdrop(settings: PlanSettings, rng: np.random.Generator) -> str:
    from_panorama, kind = rng.random() < settings.hdri_share, str(rng.choice(backgrounds.KINDS))
    return settings.hdris if settings.hdris and from_panorama else settings.photos or kind


def write_plan(path: str | pathlib.Path, clips: Iterable[ClipPlan]) -> None:
    """Writes a plan file, JSON lines, clip by clip; the file is there when all of them are."""
    with written_aside(path) as aside, aside.open("w", encoding="utf-8") as file:
        file.writelines(clip.to_json() + "\n" for clip in clips)


def read_plan(path: str | pathlib.Path) -> list[ClipPlan]:
    """A whole plan file; `read_clips` without holding it in memory."""
    return list(read_clips(path))


def read_clips(path: str | pathlib.Path) -> Iterator[ClipPlan]:
    """Reads a plan file line by line. Good lines before the first bad one are yielded.

    Raises:
        ConfigError: the file is missing or empty, lines are not clips, or a clip id is there twice. The message names
            the line and the field of up to MAX_BAD_LINES bad lines, wherever they are in the file.
    """
    first_line: dict[str, int] = {}
    bad: list[str] = []
    try:
        with pathlib.Path(path).open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                try:
                    clip = parse_clip(line)
                    _claim(clip.clip_id, number, first_line)
                except FieldError as error:
                    bad.append(f"{path}, line {number}: {error}")
                    if len(bad) == MAX_BAD_LINES:
                        break
                    continue
                if not bad:
                    yield clip
    except OSError as error:
        raise ConfigError(f"A plan file is needed. Received: {path} ({error.strerror})") from error
    if bad:
        more = "" if len(bad) < MAX_BAD_LINES else "\n(reading stopped here)"
        raise ConfigError("Each line of a plan is one clip in JSON. Received:\n" + "\n".join(bad) + more)
    if not first_line:
        raise ConfigError(f"A plan has clips, one a line. Received: {path}, which is empty")


def parse_clip(line: str | bytes) -> ClipPlan:
    """One line of a plan file.

    Raises:
        FieldError: the line is no clip; its problems name the fields.
    """
    try:
        values = json.loads(line)
    except ValueError as error:
        raise FieldError([Problem("", "one JSON object", f"{line[:60]!r} ({error})")]) from error
    clip = build(ClipPlan, values)
    problems = plan_checks.contradictions(clip)
    if problems:
        raise FieldError(problems)
    return clip


def _claim(clip_id: str, number: int, first_line: dict[str, int]) -> None:
    before = first_line.setdefault(clip_id, number)
    if before != number:
        raise FieldError([Problem("clip_id", "an id of its own", f"{clip_id!r}, which line {before} has")])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
