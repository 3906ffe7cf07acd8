"""The training loop of both stages: Keras' fit with the paper's losses, one progress bar, curves kept as data."""

from __future__ import annotations

from typing import Any

import keras
import tqdm
from keras import ops

from model import conventions, metrics
from model.body.layer import BodyLayer
from model.config import LossConfig, TrainConfig
from model.losses import Losses, mesh_losses


class MeshTrainer(keras.Model):
    """Wraps a network that predicts Theta with the mesh losses and the joint metrics."""

    def __init__(self, network: keras.Model, body: BodyLayer, loss: LossConfig, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.body = body
        self.loss_config = loss
        names = (*Losses.TERMS, "mpjpe", "pa_mpjpe")
        self.means = {name: keras.metrics.Mean(name=name) for name in names}

    def call(self, images, training=None):
        """Images -> "theta", the "keypoints" of the body that it poses, and the encoder's "features"."""
        theta, features = self.network(images, training=training, return_features=True)
        posed = self.body(theta[..., conventions.POSE_SLICE], theta[..., conventions.BETAS_SLICE])
        return {"theta": theta, "keypoints": posed.keypoints, "features": features}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The weighted sum of model.losses; each term is tracked under its own name."""
        losses = mesh_losses(y_pred["theta"], y_pred["keypoints"], y_pred["features"], y, self.loss_config)
        for name in Losses.TERMS:
            self.means[name].update_state(getattr(losses, name))
        return losses.total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """MPJPE and PA-MPJPE in mm over the batch."""
        keypoints = ops.stop_gradient(y_pred["keypoints"])
        self.means["mpjpe"].update_state(metrics.mpjpe(keypoints, y["keypoints3d"], ops))
        self.means["pa_mpjpe"].update_state(metrics.pa_mpjpe(keypoints, y["keypoints3d"], ops))
        return self.get_metrics_result()

    @property
    def metrics(self):
        """Keras resets these every epoch."""
        return [*super().metrics, *self.means.values()]


class ProgressBar(keras.callbacks.Callback):
    """One bar over all steps of a stage, with the current loss and the last evaluation."""

    def __init__(self, title: str):
        super().__init__()
        self.title = title

    def on_train_begin(self, logs=None):
        """Opens the bar."""
        total = self.params["epochs"] * self.params["steps"]
        self.bar = tqdm.tqdm(total=total, desc=self.title, unit="step", dynamic_ncols=True)
        self.evaluated = ""

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar."""
        self.bar.update()
        if batch % 10 == 0:
            self.bar.set_postfix_str(f"loss {logs['loss']:.3f} mpjpe {logs['mpjpe']:.0f} mm{self.evaluated}")

    def on_epoch_end(self, epoch, logs=None):
        """Shows the evaluation, when there was one."""
        if "val_pa_mpjpe" in logs:
            self.evaluated = f", eval {logs['val_mpjpe']:.0f} / PA {logs['val_pa_mpjpe']:.0f} mm"

    def on_train_end(self, logs=None):
        """Closes the bar."""
        self.bar.close()


def fit(
    network: keras.Model,
    body: BodyLayer,
    loss: LossConfig,
    train: TrainConfig,
    batches: Any,
    steps_per_epoch: int,
    evaluation: Any,
    title: str,
    log_dir: str | None = None,
    evaluate_every: int = 5,
) -> dict[str, list[float]]:
    """Trains a network in place.

    Args:
        network: predicts Theta.
        body: poses Theta.
        loss: loss weights.
        train: epochs and learning rate.
        batches: endless (images, labels).
        steps_per_epoch: batches that make an epoch.
        evaluation: finite (images, labels), or None.
        title: of the progress bar.
        log_dir: TensorBoard folder, or None.
        evaluate_every: epochs between evaluations.

    Returns:
        Curves: loss terms and metrics of every epoch; "val_" curves of every evaluated epoch.
    """
    steps = steps_per_epoch * train.epochs
    warmup = min(steps // 10, 200)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=train.learning_rate / 10,
        decay_steps=max(steps - warmup, 1),
        warmup_target=train.learning_rate,
        warmup_steps=warmup,
    )
    trainer = MeshTrainer(network, body, loss)
    # XLA compiles for longer than a small CPU run lasts and gains nothing there.
    adam = keras.optimizers.Adam(schedule, global_clipnorm=train.clip_norm)
    trainer.compile(optimizer=adam, jit_compile=False)
    adam.build(trainer.trainable_variables)  # else the first step is traced twice
    callbacks: list[keras.callbacks.Callback] = [ProgressBar(title)]
    if log_dir:
        callbacks.append(keras.callbacks.TensorBoard(log_dir, write_graph=False))
    history = trainer.fit(
        batches,
        epochs=train.epochs,
        steps_per_epoch=steps_per_epoch,
        validation_data=evaluation,
        validation_freq=[e for e in range(1, train.epochs + 1) if e % evaluate_every == 0 or e == train.epochs],
        callbacks=callbacks,
        verbose=0,
    )
    return {name: [float(v) for v in values] for name, values in history.history.items()}
