"""A network with the paper's losses and the joint metrics, ready for Keras' fit on any backend."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from model import conventions, metrics
from model.body.layer import BodyLayer
from model.config import LossConfig
from model.losses import Losses, mesh_losses

METRICS = ("mpjpe", "pa_mpjpe")
PRIOR_TERMS = ("adversarial", "discriminator")


class MeshTrainer(keras.Model):
    """Wraps a built network that predicts Theta.

    Args:
        network: images -> (theta [..., 85], features [..., L, D]), called with `return_features=True`.
        body: poses Theta.
        loss: weights of the terms.
        prior: a built model.baselines.adversarial.AdversarialPrior; without it `loss.adversarial` does not count. Its
            two losses reach disjoint weights (the generator's loss none of the discriminators', theirs none of the
            network's), so one optimiser and one backward pass serve both.
    """

    def __init__(self, network: keras.Model, body: BodyLayer, loss: LossConfig, prior: Any = None):
        # The network may compute in half precision; what is done to its output is float32.
        super().__init__(dtype="float32")
        self.network = network
        self.body = body
        self.loss_config = loss
        self.prior = prior
        terms = Losses.TERMS + (PRIOR_TERMS if prior is not None else ())
        self.terms = {name: keras.metrics.Mean(name=name) for name in terms}
        self.joint_errors = {name: LabelledMean(name=name) for name in METRICS}
        self.finite_steps = FiniteSteps(name="finite_steps")
        self.probe = min(network.trainable_variables, key=lambda v: math.prod(v.shape))

    def call(self, images, training=None):
        """Images -> "theta", the "keypoints" of the body that it poses, and the encoder's "features", in float32."""
        theta, features = self.network(images, training=training, return_features=True)
        theta, features = ops.cast(theta, "float32"), ops.cast(features, "float32")
        posed = self.body(theta[..., conventions.POSE_SLICE], theta[..., conventions.BETAS_SLICE])
        return {"theta": theta, "keypoints": posed.keypoints, "features": features}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The weighted sum of model.losses; every term and metric is tracked under its own name.

        PA-MPJPE is left out of training steps: a singular value decomposition a frame would cost them time.
        """
        losses = mesh_losses(y_pred["theta"], y_pred["keypoints"], y_pred["features"], y, self.loss_config)
        total, terms = losses.total, {name: getattr(losses, name) for name in Losses.TERMS}
        if self.prior is not None:
            terms["adversarial"], terms["discriminator"] = self._prior_losses(y_pred["theta"], y)
            total += self.loss_config.adversarial * terms["adversarial"] + terms["discriminator"]
        for name, value in terms.items():
            self.terms[name].update_state(value, sample_weight=ops.shape(x)[0])
        self._track("mpjpe", metrics.mpjpe, y, y_pred)
        if training:
            self.finite_steps.update_state(total, ops.sum(self.probe))
        else:
            self._track("pa_mpjpe", metrics.pa_mpjpe, y, y_pred)
        return _share_of_replica(total)

    def _prior_losses(self, theta, labels):
        """(generator's loss, discriminator's loss), scalars, over all frames of the batch."""
        pose, betas = (ops.reshape(labels[name], (-1, labels[name].shape[-1])) for name in ("pose", "betas"))
        theta, has_smpl = ops.reshape(theta, (-1, conventions.THETA_SIZE)), ops.reshape(labels["has_smpl"], (-1,))
        return self.prior.losses(theta, pose, betas, has_smpl)

    def _track(self, name, metric, labels, predicted):
        """A metric in mm over the frames that have 3D labels."""
        keypoints = ops.stop_gradient(predicted["keypoints"])
        values = metric(keypoints, labels["keypoints3d"], ops)
        self.joint_errors[name].update_state(values, sample_weight=labels["has_3d"])

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """What compute_loss tracked."""
        return self.get_metrics_result()

    def get_metrics_result(self):
        """Name -> mean since the start of the epoch or evaluation."""
        shown = [metric for metric in self.metrics if metric is not self.finite_steps]
        return {metric.name: metric.result() for metric in shown}


class LabelledMean(keras.metrics.Mean):
    """A mean over what is labelled; NaN, not 0, while nothing was."""

    def result(self):
        """The mean so far."""
        return ops.where(self.count > 0, super().result(), float("nan"))


class FiniteSteps(keras.metrics.Metric):
    """Counts the steps of an epoch before the first whose loss or gradient was not finite, inside the graph.

    A gradient that is not finite shows in the next step: clipping by the global norm spreads one such number over every
    weight, so one weight is enough to look at, and that step takes back the count of the one before.
    """

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.count = self.add_variable((), "zeros", name="count")
        self.ended = self.add_variable((), "zeros", name="ended")

    def update_state(self, loss, weight):
        """Scalars: the step's loss, and any number made of a weight before the step's update."""
        sound = ops.cast(ops.isfinite(weight), "float32")
        good = sound * ops.cast(ops.isfinite(loss), "float32")
        self.count.assign(self.count + (1.0 - self.ended) * (good + sound - 1.0))
        self.ended.assign(ops.maximum(self.ended, 1.0 - good))

    def result(self):
        """Steps before the first bad one; all so far when there was none. Replicas' counts add up."""
        return self.count / _replicas()


def _replicas() -> int:
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def _share_of_replica(loss):
    """A replica's part of the batch's mean loss: under tf.distribute, gradients of replicas are added up."""
    return loss / _replicas()
