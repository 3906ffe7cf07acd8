"""What the demo's page shows: answers of the pushed model through the local server, curves, facts."""

from __future__ import annotations

import collections
import json
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np

from components import records
from components.evaluation.report import Sample
from model import metrics
from model.camera import project_weak, to_pixels
from model.config import Config
from model.errors import UserError
from model.storage import write_bytes
from model.visualize import PREDICTION_COLOUR, TRUTH_COLOUR, draw_mesh
from synthesis.scene.plan import ClipPlan

SAMPLES = 8
_MODEL = "mviper"


def ask_server(serving: pathlib.Path, data: pathlib.Path, config: Config) -> tuple[list[Sample], str]:
    """Serves the pushed model, asks it over gRPC and REST, and draws its answers on clips of the eval split.

    Returns:
        The samples, and a line on what was asked.

    Raises:
        UserError: the two protocols do not agree.
    """
    from serving import signatures
    from serving.client import GrpcPredictClient, RestPredictClient
    from serving.local_server import LocalServer, ServerSettings

    clips = _pick(data / "eval")
    settings = ServerSettings(grpc_port=0, rest_port=0)
    with LocalServer(serving, _MODEL, settings) as server:
        grpc_client = GrpcPredictClient(f"127.0.0.1:{server.grpc_port}", _MODEL)
        rest_client = RestPredictClient(f"http://127.0.0.1:{server.rest_port}", _MODEL)
        with grpc_client, rest_client:
            answers = [
                grpc_client.predict({"jpegs": np.array([clip.frames], object)}, signatures.CLIP_VERTICES)
                for clip in clips
            ]
            example = np.array([records.encode(clips[0])], object)
            over_rest = rest_client.predict({"examples": example}, signatures.DEFAULT)["theta"]
            over_grpc = grpc_client.predict({"examples": example}, signatures.DEFAULT)["theta"]
    difference = float(np.abs(over_rest - over_grpc).max())
    if difference > 1e-4:
        raise UserError(f"REST and gRPC give the same answer. Received: theta differs by {difference:.2g}")
    asked = f"{len(clips)} clips over gRPC ({signatures.CLIP_VERTICES}), one over gRPC and REST ({signatures.DEFAULT})"
    return [_sample(clip, answer, config) for clip, answer in zip(clips, answers, strict=True)], asked


def _pick(folder: pathlib.Path) -> list[records.Clip]:
    """A few clips, of as many actions and cameras as there are."""
    by_kind: dict[tuple[str, str], records.Clip] = {}
    for shard in records.find_shards(folder):
        for clip in records.read(shard):
            by_kind.setdefault((clip.action, clip.camera), clip)
    cameras = sorted({camera for _, camera in by_kind})
    actions = sorted({action for action, _ in by_kind})
    wanted = [(action, cameras[i % len(cameras)]) for i, action in enumerate(actions)]
    rest = [key for key in by_kind if key not in wanted]
    return [by_kind[key] for key in [*wanted, *rest] if key in by_kind][:SAMPLES]


def _sample(clip: records.Clip, answer: dict[str, np.ndarray], config: Config) -> Sample:
    from model.body.files import load_body
    from model.body.numpy_body import NumpyBody

    body = NumpyBody(load_body("neutral"))
    truth, _ = body(clip.pose, clip.betas, clip.trans)
    predicted, camera = answer["vertices"][0], answer["camera"][0]
    size = clip.frame_size[1]
    shown = []
    for t, jpeg in enumerate(clip.frames):
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()
        homogeneous = truth[t] @ clip.intrinsics.T
        true_pixels = homogeneous[:, :2] / homogeneous[:, 2:]
        pixels = to_pixels(project_weak(predicted[t], camera[t]), size)
        pair = (
            draw_mesh(image, truth[t], true_pixels, body.data.faces, TRUTH_COLOUR),
            draw_mesh(image, predicted[t], pixels, body.data.faces, PREDICTION_COLOUR),
        )
        shown.append(np.concatenate([image, *pair], 1))
    joints = answer["joints3d"][0]
    errors = [float(f(joints, clip.keypoints3d).mean()) for f in (metrics.mpjpe, metrics.pa_mpjpe)]
    caption = f"MPJPE {errors[0]:.0f} mm, PA-MPJPE {errors[1]:.0f} mm"
    return Sample(f"{clip.action}, {clip.camera}", caption, shown)


def write_pictures(work: pathlib.Path, data: pathlib.Path, samples: Sequence[Sample]) -> None:
    """Contact sheets beside the page: generated.jpg of train frames, predictions.jpg of the samples' middle frames."""
    tiles = []
    for shard in records.find_shards(data / "train"):
        # One clip in five: neighbours in a shard show the same person.
        for clip in list(records.read(shard))[::5]:
            tiles.append(cv2.imdecode(np.frombuffer(clip.frames[clip.length // 2], np.uint8), cv2.IMREAD_COLOR))
    _write_sheet(work / "generated.jpg", tiles[:16], columns=8)
    _write_sheet(work / "predictions.jpg", [s.frames[len(s.frames) // 2][..., ::-1] for s in samples], columns=2)


def _write_sheet(path: pathlib.Path, tiles: Sequence[np.ndarray], columns: int) -> None:
    rows = [np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles) - columns + 1, columns)]
    if rows:
        write_bytes(path, cv2.imencode(".jpg", np.concatenate(rows))[1].tobytes())


def curves(run_result) -> dict[str, dict[str, list[float]]]:
    """Training curves of both stages."""
    from model.checkpoint import EXTRA
    from pipeline.trainer_module import CURVES

    folders = {"frame model": run_result.frame_model, "video model": run_result.video_model}
    return {stage: json.loads((folder / EXTRA / CURVES).read_text()) for stage, folder in folders.items()}


def motions_of(plan: Sequence[ClipPlan]) -> str:
    """Motions of each split, counted."""
    parts = []
    for split in ("train", "eval"):
        simulations = {clip.simulation.key: clip.simulation for clip in plan if clip.split == split}
        kinds = collections.Counter(simulation.motion.kind for simulation in simulations.values())
        parts.append(f"{split}: " + ", ".join(f"{kind} x{count}" for kind, count in sorted(kinds.items())))
    return "; ".join(parts)


def body_id() -> str:
    """The body that everything was made with."""
    from model.body.files import load_body

    return load_body("neutral").body_id


def anomalies(folder: pathlib.Path) -> str:
    """What ExampleValidator found."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    found = []
    for path in sorted(folder.glob("Split-*/SchemaDiff.pb")):
        message = anomalies_pb2.Anomalies.FromString(path.read_bytes())
        found += [f"{path.parent.name}: {name}: {info.description}" for name, info in message.anomaly_info.items()]
    return "; ".join(found) or "none found by ExampleValidator"
