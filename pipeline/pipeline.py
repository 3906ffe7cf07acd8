"""The TFX pipeline: records in, a blessed and pushed model out."""

from __future__ import annotations

import hashlib
import pathlib
from typing import TYPE_CHECKING, Any

from components import records
from components.evaluation.gate import GateConfig, eval_config
from model.config import Config

if TYPE_CHECKING:
    from tfx import v1 as tfx

FRAME_TRAINER = "FrameTrainer"
VIDEO_TRAINER = "VideoTrainer"
RUN_FN = "pipeline.trainer_module.run_fn"
# What the trained weights depend on, besides data and settings.
_TRAINING_CODE = ("model", "serving/signatures.py", "components/records.py", "pipeline/trainer_module.py")


def create_pipeline(
    name: str,
    root: str,
    data: str,
    push_to: str,
    config: Config,
    gate: GateConfig,
    metadata: Any = None,
    beam_args: list[str] | None = None,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline.

    Args:
        name: pipeline name, the key of its history in ML Metadata.
        root: folder of all artifacts.
        data: folder with train/ and eval/ shards.
        push_to: where blessed models go, one numbered folder a version.
        config: network and training settings.
        gate: blessing limits.
        metadata: ML Metadata connection; None for runners that bring their own.
        beam_args: Beam flags of the data components.
    """
    import tensorflow_data_validation as tfdv
    from tfx import v1 as tfx
    from tfx.proto import example_gen_pb2, pusher_pb2, trainer_pb2

    parts = tfx.components
    splits = [example_gen_pb2.Input.Split(name=split, pattern=f"{split}/*") for split in ("train", "eval")]
    examples = parts.ImportExampleGen(input_base=data, input_config=example_gen_pb2.Input(splits=splits))
    statistics = parts.StatisticsGen(
        examples=examples.outputs["examples"],
        stats_options=tfdv.StatsOptions(feature_allowlist=_features_without_images()),
    )
    schema = parts.ImportSchemaGen(schema_file=str(records.SCHEMA_PATH))
    validator = parts.ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])

    def trainer(stage: str, component_id: str, base_model=None):
        settings = {"stage": stage, "config": config.to_dict(), "code": code_digest()}
        # The steps come from the config; the two messages are there because the Trainer asks for them.
        return parts.Trainer(
            run_fn=RUN_FN,
            examples=examples.outputs["examples"],
            schema=schema.outputs["schema"],
            base_model=base_model,
            train_args=trainer_pb2.TrainArgs(splits=["train"]),
            eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
            custom_config=settings,
        ).with_id(component_id)

    frame = trainer("frame", FRAME_TRAINER)
    video = trainer("video", VIDEO_TRAINER, frame.outputs["model"])
    last_blessed = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("LatestBlessedModel")
    evaluator = parts.Evaluator(
        examples=examples.outputs["examples"],
        model=video.outputs["model"],
        baseline_model=last_blessed.outputs["model"],
        eval_config=eval_config(gate),
        schema=schema.outputs["schema"],
    )
    destination = pusher_pb2.PushDestination.Filesystem(base_directory=push_to)
    pusher = parts.Pusher(
        model=video.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(filesystem=destination),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[examples, statistics, schema, validator, frame, video, last_blessed, evaluator, pusher],
        metadata_connection_config=metadata,
        enable_cache=True,
        beam_pipeline_args=list(beam_args or []),
    )


def _features_without_images() -> list[str]:
    """Features that statistics read: all of the schema but the JPEG bytes."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = text_format.Parse(records.SCHEMA_PATH.read_text(), schema_pb2.Schema())
    return [feature.name for feature in schema.feature if feature.name not in ("frames/encoded", "frames/mask")]


def code_digest() -> str:
    """Hash of the code that trains, so that a change of it is not answered from TFX's cache."""
    top = pathlib.Path(__file__).parents[1]
    digest = hashlib.sha256()
    for entry in _TRAINING_CODE:
        path = top / entry
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
