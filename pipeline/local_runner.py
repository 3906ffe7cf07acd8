"""Runs the pipeline on this machine: LocalDagRunner, ML Metadata in SQLite, a bar over the components."""

from __future__ import annotations

import dataclasses
import logging
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager

import tqdm

from components.evaluation.gate import GateConfig
from model.config import Config
from pipeline.pipeline import create_pipeline

# In one process: the data is small, and worker processes would each import TFX for half a minute.
BEAM_ARGS = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]


@dataclasses.dataclass(frozen=True)
class Component:
    """One component of a finished run.

    Attributes:
        name: its id in the pipeline.
        seconds: wall time; 0 when its result was reused.
        cached: whether an earlier run's result was reused.
    """

    name: str
    seconds: float
    cached: bool


@dataclasses.dataclass(frozen=True)
class RunResult:
    """What a run left behind.

    Attributes:
        components: in order of execution.
        evaluation: folder of the Evaluator's results.
        frame_model: folder of the frame model's SavedModel.
        video_model: folder of the video model's SavedModel.
        anomalies: folder of ExampleValidator's findings.
        blessed: whether the model passed the gate.
        pushed: folder of the pushed version, or None.
    """

    components: tuple[Component, ...]
    evaluation: pathlib.Path
    frame_model: pathlib.Path
    video_model: pathlib.Path
    anomalies: pathlib.Path
    blessed: bool
    pushed: pathlib.Path | None


def run(name: str, work: pathlib.Path, data: pathlib.Path, config: Config, gate: GateConfig) -> RunResult:
    """Runs the pipeline and reads from ML Metadata what became of it.

    Args:
        name: pipeline name.
        work: folder of artifacts (pipeline/), metadata.db and pushed models (serving/).
        data: folder with train/ and eval/ shards.
        config: network and training settings.
        gate: blessing limits.
    """
    from tfx import v1 as tfx

    work.mkdir(parents=True, exist_ok=True)
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(work / "metadata.db"))
    dag = create_pipeline(
        name=name,
        root=str(work / "pipeline"),
        data=str(data),
        push_to=str(work / "serving"),
        config=config,
        gate=gate,
        metadata=connection,
        beam_args=BEAM_ARGS,
    )
    with _component_bar(len(dag.components)):
        tfx.orchestration.LocalDagRunner().run(dag)
    return _read_result(connection, name)


@contextmanager
def _component_bar(total: int) -> Iterator[None]:
    """A progress bar fed by LocalDagRunner's own log lines, the only word it gives of its progress."""
    bar = tqdm.tqdm(total=total, desc="pipeline", unit="component", dynamic_ncols=True)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg == "Component %s is running.":
                bar.set_postfix_str(record.getMessage().split()[1])
            elif record.msg == "Component %s is finished.":
                bar.update()

    logger, handler = logging.getLogger("absl"), Handler(logging.INFO)
    level, others = logger.level, {h: h.level for h in logger.handlers}
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    for other in others:
        other.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        for other, old in others.items():
            other.setLevel(old)
        bar.close()


def _read_result(connection, name: str) -> RunResult:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    store = metadata_store.MetadataStore(connection)
    last = max(store.get_contexts_by_type("pipeline_run"), key=lambda context: context.id)
    executions = sorted(store.get_executions_by_context(last.id), key=lambda e: e.id)
    components: list[Component] = []
    outputs = {}
    for execution in executions:
        component = execution.type.rsplit(".", 1)[-1]
        for node in store.get_contexts_by_execution(execution.id):
            if node.type == "node":
                component = node.name.removeprefix(name + ".")
        cached = execution.last_known_state == mlmd.Execution.CACHED
        spent = (execution.last_update_time_since_epoch - execution.create_time_since_epoch) / 1000
        components.append(Component(component, 0.0 if cached else spent, cached))
        events = store.get_events_by_execution_ids([execution.id])
        for event in events:
            if event.type == mlmd.Event.OUTPUT:
                artifact = store.get_artifacts_by_id([event.artifact_id])[0]
                outputs[component, event.path.steps[0].key] = artifact
    blessing = outputs["Evaluator", "blessing"]
    pushed = outputs["Pusher", "pushed_model"]
    destination = pushed.custom_properties["pushed_destination"].string_value
    return RunResult(
        components=tuple(components),
        evaluation=pathlib.Path(outputs["Evaluator", "evaluation"].uri),
        frame_model=_serving_dir(outputs["FrameTrainer", "model"].uri),
        video_model=_serving_dir(outputs["VideoTrainer", "model"].uri),
        anomalies=pathlib.Path(outputs["ExampleValidator", "anomalies"].uri),
        blessed=blessing.custom_properties["blessed"].int_value == 1,
        pushed=pathlib.Path(destination) if destination else None,
    )


def _serving_dir(model_uri: str) -> pathlib.Path:
    return pathlib.Path(model_uri) / "Format-Serving"
