"""Realism: does a pose detector that learnt from photos see people in our frames, and where our labels say they are.

BlazePose (mediapipe 0.10.21, model complexity 1, each frame on its own) looks at frames of --realism_data, or of
people that the generation job makes for this: two for each built-in motion, seen from four sides, on two cores in about
four minutes.

Figures (null where no Python with mediapipe is found; see MVIPER_VIDEO_PYTHON):
  detected_share     frames in which it finds a person
  pck_02_torso       visible keypoints that it puts within 0.2 torsos of our label; frames without a detection count as
                     missed. A torso is the label's left shoulder to its right hip, in pixels. Compared are the 17
                     keypoints that both define: ankles, knees, hips, wrists, elbows, shoulders, nose, eyes, ears; not
                     neck and top of the head, which BlazePose has not
  pck_02_torso_mirrored_too
                     the same where a frame may also be answered with left and right exchanged: what is gained is
                     confusion of sides, as in views from behind
  pck_02_torso_detected
                     the same as pck_02_torso over frames with a detection
  pck_02_torso_<view>, pck_02_torso_<keypoint>
                     the same for each view, and for each pair of keypoints
  frames             looked at; people counts the persons in them
"""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np
from absl import flags, logging

from benchmarks.harness import Figure, Result
from components.pose_detector.client import LANDMARK, Detections, detect, find_python
from components.reservoir import Reservoir
from model import conventions

FLAGS = flags.FLAGS
flags.DEFINE_string("realism_data", "", "dataset whose frames are looked at; default: people are synthesized")
flags.DEFINE_integer("realism_frames", 200, "frames to look at", lower_bound=1)
flags.DEFINE_string("realism_worst", "", "picture (.png, .jpg) of the frames that agree least with their labels")
flags.DEFINE_float(
    "realism_confidence", 0.5, "least score of a detected person; 0.5 is mediapipe's own", lower_bound=0, upper_bound=1
)
flags.DEFINE_string("realism_simulations", "", "folder of simulations to take up and to keep; default: none are kept")
flags.DEFINE_integer("realism_seed", 0, "of the choice of frames and of the people", lower_bound=0)

THRESHOLD = 0.2
_OURS = np.array([conventions.keypoint(name) for name in LANDMARK])
_MIRRORED = np.array([list(_OURS).index(conventions.KEYPOINT_MIRROR[k]) for k in _OURS])
_TORSO = conventions.keypoint("L_shoulder"), conventions.keypoint("R_hip")
_WORST, _PER_ROW, _TILE = 24, 6, 250
# Of the cloth's triangles, metres: coarse, since silhouettes and joints are looked at, not folds.
_EDGE_LENGTH = 0.035


@dataclasses.dataclass(frozen=True, eq=False)
class Look:
    """One frame with its labels.

    Attributes:
        jpeg: the picture.
        subject: who is seen.
        title: action and view.
        view: name of the viewpoint.
        keypoints: [19, 3] pixels and visible.
    """

    jpeg: bytes
    subject: str
    title: str
    view: str
    keypoints: np.ndarray


def run() -> Result:
    """Looks at frames."""
    settings = {
        "data": FLAGS.realism_data or "synthesized", "seed": FLAGS.realism_seed, "threshold": THRESHOLD,
        "detector": "BlazePose full, static images", "confidence": FLAGS.realism_confidence,
    }  # fmt: skip
    if find_python() is None:
        logging.warning("no Python with mediapipe: install mviper[video], or name one in MVIPER_VIDEO_PYTHON")
        return Result(settings, dict.fromkeys(("detected_share", "pck_02_torso", "pck_02_torso_mirrored_too")))
    if FLAGS.realism_data:
        looks = _choose(pathlib.Path(FLAGS.realism_data))
    else:
        with tempfile.TemporaryDirectory() as folder:
            _synthesize(pathlib.Path(folder), FLAGS.realism_seed, FLAGS.realism_simulations)
            looks = _choose(pathlib.Path(folder))
    found = detect([look.jpeg for look in looks], confidence=FLAGS.realism_confidence)
    if FLAGS.realism_worst:
        _write_worst(pathlib.Path(FLAGS.realism_worst), looks, found)
    return Result(settings, compare(looks, found))


def errors(looks: list[Look], found: Detections) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances of detections to labels.

    Returns:
        Distances [N, 17] in torsos, the same with the detector's sides exchanged (both inf where nobody was found), and
        which labels are visible, bool [N, 17].
    """
    labels = np.stack([look.keypoints for look in looks])
    ends = labels[:, _TORSO, :2]
    torso = np.maximum(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1), 1.0)[:, None]
    labels, answers = labels[:, _OURS], found.points[..., :2]
    straight, mirrored = (
        np.where(found.detected[:, None], np.linalg.norm(a - labels[..., :2], axis=-1) / torso, np.inf)
        for a in (answers, answers[:, _MIRRORED])
    )
    return straight, mirrored, labels[..., 2] > 0


def compare(looks: list[Look], found: Detections) -> dict[str, Figure]:
    """The figures of the module's text."""
    straight, mirrored, visible = errors(looks, found)
    right = straight < THRESHOLD
    hits = (right & visible).sum(1), ((mirrored < THRESHOLD) & visible).sum(1)

    def share(of: np.ndarray) -> float | None:
        return float(right[of].mean()) if of.any() else None

    figures: dict[str, Figure] = {
        "detected_share": float(found.detected.mean()),
        "pck_02_torso": share(visible),
        "pck_02_torso_mirrored_too": float(np.maximum(*hits).sum() / max(visible.sum(), 1)),
        "pck_02_torso_detected": share(visible & found.detected[:, None]),
    }
    for view in sorted({look.view for look in looks}):
        figures[f"pck_02_torso_{view}"] = share(visible & np.array([look.view == view for look in looks])[:, None])
    names = [name.split("_")[-1] for name in LANDMARK]
    for part in sorted(set(names)):
        figures[f"pck_02_torso_{part}"] = share(visible & (np.array(names) == part))
    return {**figures, "frames": len(looks), "people": len({look.subject for look in looks})}


def _frames_of(folder: pathlib.Path) -> Iterator[Look]:
    """Every frame of a dataset's splits, or of one folder of shards."""
    from components import records

    splits = [path for path in (folder / "train", folder / "eval") if path.is_dir()] or [folder]
    for shard in (shard for split in splits for shard in records.find_shards(split)):
        for clip in records.read(shard):
            for jpeg, keypoints in zip(clip.frames, clip.keypoints2d, strict=True):
                yield Look(jpeg, clip.subject, f"{clip.action} {clip.camera}", clip.camera, keypoints)


def _choose(folder: pathlib.Path) -> list[Look]:
    kept: Reservoir[Look] = Reservoir(FLAGS.realism_frames, np.random.default_rng(FLAGS.realism_seed))
    for look in _frames_of(folder):
        kept.offer(lambda look=look: look)  # type: ignore[misc]
    return kept.items


def _synthesize(folder: pathlib.Path, seed: int, simulations: str) -> None:
    """A small dataset of all built-in motions; who fails the cloth's gates is left out and said so."""
    from components import synthesis_job
    from synthesis.motion import builtin
    from synthesis.scene.plan import PlanSettings, draw_clips

    people = 2 * len(builtin.KINDS)
    settings = PlanSettings(
        seed=seed, train_simulations=people, eval_simulations=1, windows=1, length=4, stride=8, edge_length=_EDGE_LENGTH
    )
    plan = [clip for clip in draw_clips(settings) if clip.split == "train"]
    failures = synthesis_job.run(plan, folder, max_failure_rate=1.0, simulations=simulations).failures
    for reason in dict.fromkeys(failures.values()):
        logging.warning("left out: %s", reason)


def _write_worst(path: pathlib.Path, looks: list[Look], found: Detections) -> None:
    """Labels (green, dark where hidden) and detections (red) of the frames that agree least, joined by lines."""
    import cv2

    from synthesis.annotate import Annotation
    from synthesis.motion_sheets import write_picture

    straight, _, visible = errors(looks, found)
    agreement = ((straight < THRESHOLD) & visible).sum(1) / np.maximum(visible.sum(1), 1)
    tiles = []
    for i in np.argsort(agreement, kind="stable")[:_WORST]:
        picture = cv2.imdecode(np.frombuffer(looks[i].jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        scale = 2 * _TILE / max(picture.shape[:2])
        note = Annotation(cv2.resize(picture, (2 * _TILE, 2 * _TILE), interpolation=cv2.INTER_CUBIC))
        pairs = zip(looks[i].keypoints[_OURS], found.points[i], strict=True)
        for label, answer in pairs:
            ours, theirs = ((p[:2] + 0.5) * scale - 0.5 for p in (label, answer))
            if found.detected[i]:
                note.line([ours, theirs], "#ffffff", 1.2)
                note.dot(theirs, "#e03131", 6)
            note.dot(ours, "#2f9e44" if label[2] else "#1b4d26", 6)
        nobody = "" if found.detected[i] else ", nobody found"
        note.text(f"{agreement[i]:.0%} {looks[i].title}{nobody}", (_TILE, 2 * _TILE - 14), 20, "#ffffff", bold=True)
        tiles.append(note.image())
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % _PER_ROW)
    rows = [np.concatenate(tiles[k : k + _PER_ROW], 1) for k in range(0, len(tiles), _PER_ROW)]
    write_picture(path, cv2.resize(np.concatenate(rows), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
