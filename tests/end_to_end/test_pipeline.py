"""The tiny pipeline, whole: learnable records are blessed and pushed, shuffled labels are not."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from components import records
from components.evaluation.gate import GateConfig
from model.config import Config, LossConfig, ModelConfig, TrainConfig
from synthesis import labels
from synthesis.avatar import avatar_body

T, SIZE = 16, 64
CONFIG = Config(
    model=ModelConfig(
        encoder="small", image_size=SIZE, clip_length=T, lstm_width=192, attention_width=16, regressor_width=64,
        regressor_dropout=0.0, encoder_weights="",
    ),
    loss=LossConfig(heatmaps=0.5),
    frame=TrainConfig(batch_clips=8, frames_per_clip=4, epochs=60, learning_rate=2e-3, augmentation=0.0),
    video=TrainConfig(batch_clips=8, epochs=6, learning_rate=3e-4, augmentation=0.0),
)  # fmt: skip
GATE = GateConfig(mpjpe_over_mean_pose=0.85, pa_mpjpe_over_mean_pose=0.85)
INTRINSICS = np.array([[360.0, 0, (SIZE - 1) / 2], [0, 360.0, (SIZE - 1) / 2], [0, 0, 1]])
# Looks along -z of the world at a body that faces the camera.
EXTRINSICS = np.tile(np.array([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 12]]), (T, 1, 1))


def draw_clip(name: str, rng: np.random.Generator) -> records.Clip:
    """A person whose arms and legs move, drawn as one coloured disc a keypoint: easy to learn from."""
    body = avatar_body()
    pose = np.zeros((T, 72), np.float32)
    swing = np.sin(np.linspace(0, np.pi, T))[:, None]
    for joint, axis, size in ((16, 2, 1.2), (17, 2, 1.2), (1, 0, 0.8), (2, 0, 0.8)):
        start, change = rng.uniform(-size, size), rng.uniform(-0.6, 0.6)
        pose[:, 3 * joint + axis] = (start + change * swing)[:, 0]
    betas, trans = rng.normal(size=10).astype(np.float32), np.zeros((T, 3), np.float32)
    vertices, _ = body(pose, betas, trans)
    empty = np.full((T, SIZE, SIZE), np.inf, np.float32)
    found = labels.label(body, betas, pose, trans, vertices, INTRINSICS, EXTRINSICS, empty)
    frames = []
    for points in found.keypoints2d:
        image = np.full((SIZE, SIZE, 3), 90, np.uint8)
        for k, (x, y, _) in enumerate(points):
            colour = tuple(int(v) for v in cv2.applyColorMap(np.uint8([[k * 13]]), cv2.COLORMAP_HSV)[0, 0])
            cv2.circle(image, (round(float(x)), round(float(y))), 2, colour, -1)
        frames.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    return records.Clip(
        clip_id=name, source="drawn", subject=name, action="arms", camera="front", body_id=body.data.body_id, fps=15.0,
        frames=frames, masks=[], frame_size=(SIZE, SIZE), pose=found.pose, betas=betas, trans=found.trans,
        keypoints3d=found.keypoints3d, keypoints3d_valid=np.ones((T, 19)), keypoints2d=found.keypoints2d,
        has_3d=True, has_smpl=True, intrinsics=INTRINSICS, extrinsics=EXTRINSICS,
    )  # fmt: skip


def write_split(folder, clips) -> None:
    import tensorflow as tf

    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / f"all{records.SUFFIX}"), "GZIP") as writer:
        for clip in clips:
            writer.write(records.encode(clip))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A good run, then one on shuffled training labels, with one history."""
    from pipeline import local_runner

    work = tmp_path_factory.mktemp("pipeline")
    rng = np.random.default_rng(0)
    train, held_out = ([draw_clip(f"{s}{i}", rng) for i in range(n)] for s, n in (("train", 64), ("eval", 12)))
    # Each clip gets the labels of its neighbour.
    label_fields = ("pose", "betas", "trans", "keypoints3d", "keypoints2d")
    shuffled = [
        dataclasses.replace(clip, **{field: getattr(other, field) for field in label_fields})
        for clip, other in zip(train, train[1:] + train[:1], strict=True)
    ]
    results = []
    for name, clips in (("good", train), ("shuffled", shuffled)):
        write_split(work / name / "train", clips)
        write_split(work / name / "eval", held_out)
        results.append(local_runner.run("test", work / "run", work / name, CONFIG, GATE))
    return work, *results


def test_a_model_that_learned_is_blessed_and_pushed(runs):
    from components.evaluation import results

    _, good, _ = runs
    found = results.read(good.evaluation)
    assert good.blessed and found.passed and not found.failures, found.failures
    assert good.pushed is not None and (good.pushed / "saved_model.pb").is_file()
    for metric in ("mpjpe_mm", "pa_mpjpe_mm", "mpvpe_mm"):
        assert found.ratio(metric) < 0.85, metric
    slices = {"clip/action", "clip/camera", "clip/source", "clip/subject"}
    assert slices == {feature for feature, _ in found.slices}
    assert [c.name for c in good.components][-2:] == ["Evaluator", "Pusher"]


def test_shuffled_labels_are_not_blessed(runs):
    from components.evaluation import results

    work, good, shuffled = runs
    found = results.read(shuffled.evaluation)
    assert not shuffled.blessed and shuffled.pushed is None
    said = " ".join(found.failures)
    assert "mpjpe_mm_over_mean_pose" in said  # the absolute limit
    assert "above the last blessed model's" in said  # the change limit, against the good run
    assert [p.name for p in (work / "run" / "serving").iterdir()] == [good.pushed.name]


def test_validator_finds_nothing_odd(runs):
    from pipeline.demo_report import anomalies

    _, good, _ = runs
    assert anomalies(good.anomalies).startswith("none")


def test_the_evaluator_and_the_plain_evaluation_agree(runs):
    from components.evaluation import evaluate, methods, results

    work, good, _ = runs
    shards = records.find_shards(work / "good" / "eval")
    plain = evaluate.evaluate(methods.network(good.video_model), shards, evaluate.clip_length(shards)).overall
    tfma = results.read(good.evaluation).overall
    for name, value in plain.items():
        assert tfma[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name


def test_served_answers_equal_the_model_and_the_page_shows_them(runs, tmp_path):
    from components.evaluation import report, results
    from pipeline import demo_report

    work, good, _ = runs
    samples, said = demo_report.ask_server(work / "run" / "serving", work / "good", CONFIG)
    assert len(samples) == 1 and "gRPC and REST" in said
    assert samples[0].frames[0].shape == (SIZE, 3 * SIZE, 3)
    found = results.read(good.evaluation)
    page = report.Report("t", [("a", "b")], found, [], True, demo_report.curves(good), [("x", 1.0, "")], samples)
    report.write(tmp_path / "page.html", page)
    text = (tmp_path / "page.html").read_text()
    assert "data:image/jpeg;base64," in text and "<svg" in text and f"{found.overall['mpjpe_mm']:.3f}" in text
    assert "http://" not in text.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_predictor_checks_the_body(runs, tmp_path):
    import shutil

    from model.errors import BodyMismatchError
    from serving.predictor import Predictor

    _, good, _ = runs
    predictor = Predictor(good.pushed)
    crops = [np.full((100, 100, 3), 90, np.uint8)] * (T + 3)
    outputs = predictor(crops)
    assert outputs["theta"].shape == (T + 3, 85) and outputs["vertices"].shape[0] == T + 3
    copy = tmp_path / "1"
    shutil.copytree(good.pushed, copy)
    settings = json.loads((copy / "assets.extra" / "network.json").read_text())
    (copy / "assets.extra" / "network.json").write_text(json.dumps({**settings, "body_id": "smpl-neutral-1"}))
    with pytest.raises(BodyMismatchError, match="Received: smpl-neutral-1"):
        Predictor(copy)
