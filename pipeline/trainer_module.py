"""What the TFX Trainer runs: stage 1 (frame model) or stage 2 (video model), then export."""

from __future__ import annotations

import functools
import pathlib
from typing import Any

from model.errors import ConfigError
from model.storage import write_json

STAGES = ("frame", "video")
CURVES = "curves.json"


def run_fn(fn_args: Any) -> None:
    """TFX entry point. `custom_config` holds "stage" and "config" (model.config.Config as a dict).

    The frame Trainer's model comes to the video Trainer as `fn_args.base_model`.
    """
    custom = fn_args.custom_config
    train(
        stage=custom["stage"],
        config_values=custom["config"],
        train_files=_files(fn_args.train_files),
        eval_files=_files(fn_args.eval_files),
        export_dir=fn_args.serving_model_dir,
        log_dir=fn_args.model_run_dir,
        base_model=fn_args.base_model,
    )


def train(
    stage: str,
    config_values: dict[str, Any],
    train_files: list[str],
    eval_files: list[str],
    export_dir: str,
    log_dir: str,
    base_model: str | None = None,
) -> None:
    """Trains one stage and writes SavedModel, checkpoint and curves to `export_dir`.

    Raises:
        ConfigError: the stage is unknown, or stage 2 was given no frame model.
        BodyMismatchError: the records or the frame model belong to another body.
    """
    import keras

    if int(keras.__version__.split(".")[0]) < 3:
        raise ConfigError(f"Keras 3 is needed; unset TF_USE_LEGACY_KERAS. Received: Keras {keras.__version__}")
    from components import records
    from model import checkpoint
    from model.body.data import check_body_id
    from model.body.files import body_source, load_body
    from model.body.layer import BodyLayer
    from model.config import Config
    from model.training import stages
    from model.training.input import Source
    from serving import signatures

    config = Config.from_dict(config_values)
    body = load_body("neutral", body_source(config.model.body))
    length = config.model.clip_length
    parse = functools.partial(records.parse_batch, length=length)
    data, held_out = (Source(files, parse, body.body_id) for files in (train_files, eval_files))
    if stage == "frame":
        trained = stages.train_frame(config, body, data, held_out, log_dir)
    elif stage == "video" and base_model:
        frame_model, _, body_id = checkpoint.load(pathlib.Path(base_model) / checkpoint.EXTRA)
        check_body_id(body_id, body.body_id, "The frame model")
        trained = stages.train_video(config, body, frame_model, data, held_out, log_dir)
    else:
        raise ConfigError(
            f"Stage is one of {', '.join(STAGES)}, video with a base model. Received: {stage}, {base_model}"
        )
    signatures.export(
        export_dir, trained.network, BodyLayer(body), functools.partial(records.parse_frames, length=length), parse
    )
    extra = pathlib.Path(export_dir) / checkpoint.EXTRA
    checkpoint.save(extra, trained.network, config, body.body_id)
    write_json(extra / CURVES, trained.curves)


def _files(patterns: list[str]) -> list[str]:
    import tensorflow as tf

    return sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
