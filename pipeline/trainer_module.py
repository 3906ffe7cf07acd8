"""What the TFX Trainer runs, and `mviper train`: one stage of training, then export."""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from model.errors import ConfigError
from model.storage import write_json

STAGES = ("frame", "video", "hmr")
CURVES = "curves.json"
# Beside a checkpoint: what its weights depend on (model.training.identity).
IDENTITY = "identity.json"


def run_fn(fn_args: Any) -> None:
    """TFX entry point. `custom_config` holds "stage" and "config" (model.config.Config as a dict).

    The frame Trainer's model comes to the video Trainer as `fn_args.base_model`. A component that is tried again with
    the same run folder goes on from its checkpoint.
    """
    custom = fn_args.custom_config
    train(
        stage=custom["stage"],
        config_values=custom["config"],
        train_files=_files(fn_args.train_files),
        eval_files=_files(fn_args.eval_files),
        export_dir=fn_args.serving_model_dir,
        run_dir=fn_args.model_run_dir,
        base_model=fn_args.base_model,
    )


def train(
    stage: str,
    config_values: dict[str, Any],
    train_files: Sequence[str],
    eval_files: Sequence[str],
    export_dir: str,
    run_dir: str,
    base_model: str | None = None,
    restart: bool = False,
) -> bool:
    """Trains one stage and writes SavedModel, checkpoint and curves to `export_dir`.

    On Keras' JAX backend the checkpoint (in assets.extra) comes without a SavedModel, which TensorFlow alone writes.
    The same call on TensorFlow then adds it.

    Args:
        stage: one of STAGES.
        config_values: model.config.Config as a dict.
        train_files: shards to train on.
        eval_files: shards to evaluate on.
        export_dir: folder of the result.
        run_dir: folder of TensorBoard's files and of the checkpoint that an interrupted stage goes on from.
        base_model: `export_dir` of a frame model, which "video" starts from and "hmr" may start from.
        restart: whether to start over in spite of a checkpoint or a result.

    Returns:
        Whether anything was trained; False where `export_dir` holds the result of the same config and data.

    Raises:
        ConfigError: the stage is unknown, "video" was given no frame model, or a checkpoint is of another run.
        UserError: the records or the frame model cannot be used, or the loss is no number.
    """
    import keras

    if int(keras.__version__.split(".")[0]) < 3:
        raise ConfigError(f"Keras 3 is needed; unset TF_USE_LEGACY_KERAS. Received: Keras {keras.__version__}")
    if stage not in STAGES or (stage == "video" and not base_model):
        raise ConfigError(
            f"Stage is one of {', '.join(STAGES)}, video with a base model. Received: {stage}, {base_model}"
        )
    from components import records
    from model import checkpoint
    from model.body.files import body_source, load_body
    from model.config import Config
    from model.training import stages
    from model.training.identity import stage_identity
    from model.training.input import Source
    from model.training.resume import STATE
    from pipeline.export import export_network

    config = Config.from_dict(config_values)
    body = load_body("neutral", body_source(config.model.body))
    base: Any = _frame_model(base_model, body.body_id) if base_model else None
    extra = pathlib.Path(export_dir) / checkpoint.EXTRA
    identity = stage_identity(stage, config, body.body_id, train_files, eval_files, base)
    saved_model = pathlib.Path(export_dir) / "saved_model.pb"
    finished = not restart and _read_identity(extra) == json.loads(json.dumps(identity))
    if finished:
        network, _, _ = checkpoint.load(extra)
    else:
        parse = functools.partial(records.parse_batch, length=config.model.clip_length)
        data, held_out = (Source(files, parse, body.body_id) for files in (train_files, eval_files))
        run = stages.Run(pathlib.Path(run_dir), restart)
        if stage == "frame":
            trained = stages.train_frame(config, body, data, held_out, run)
        elif stage == "video":
            trained = stages.train_video(config, body, base, data, held_out, run)
        else:
            trained = stages.train_hmr(config, body, base, data, held_out, run)
        network = trained.network
        # Until the identity is there again, nothing in this folder counts.
        for stale in (extra / IDENTITY, saved_model):
            stale.unlink(missing_ok=True)
        checkpoint.save(extra, network, config, body.body_id)
        write_json(extra / CURVES, trained.curves)
    if keras.backend.backend() == "tensorflow" and not saved_model.is_file():
        export_network(export_dir, network, config, body)
    write_json(extra / IDENTITY, identity)
    (pathlib.Path(run_dir) / STATE).unlink(missing_ok=True)
    return not finished


def _frame_model(folder: str, body_id: str) -> Any:
    """The frame model of an export folder.

    Raises:
        ConfigError: there is none.
        BodyMismatchError: it belongs to another body.
    """
    from model import checkpoint
    from model.body.data import check_body_id

    extra = pathlib.Path(folder) / checkpoint.EXTRA
    kind, _, _ = checkpoint.read_settings(extra)
    if kind != "frame":
        raise ConfigError(f"A frame model is needed to start from. Received: a {kind} model in {folder}")
    network, _, own_id = checkpoint.load(extra)
    check_body_id(own_id, body_id, "The frame model")
    return network


def _read_identity(extra: pathlib.Path) -> dict[str, Any] | None:
    try:
        return json.loads((extra / IDENTITY).read_text())
    except (OSError, ValueError):
        return None


def _files(patterns: list[str]) -> list[str]:
    import tensorflow as tf

    return sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
