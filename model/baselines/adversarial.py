"""HMR's factorised adversarial prior (Kanazawa et al. 2018, section 3.3): tells people's Theta from others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from model import conventions, rotations

# Joints below the root: the global rotation says nothing about how likely a pose is.
JOINTS = conventions.NUM_JOINTS - 1
# One discriminator for the rotation of each joint, one for all of them together, one for the shape.
DISCRIMINATORS = JOINTS + 2

_SHARED_WIDTH = 32
_POSE_WIDTH = 1024
_SHAPE_WIDTHS = (10, 5)

Dense = tuple[keras.Variable, keras.Variable]


class AdversarialPrior(keras.layers.Layer):
    """25 discriminators with least-squares losses (Mao et al. 2017); what is real are the labels of the batch.

    Rotations enter as matrices. Two layers of 32, shared by the joints, turn each into features; the joints' own
    discriminators are linear in them, the one for the whole pose has two layers of 1024, the one for the shape two, of
    10 and 5.

    One optimiser and one backward pass train network and discriminators together: the generator's loss sees constants
    in place of the discriminators' weights, the discriminators' loss sees a constant in place of the prediction.

    Computes in float32 under every dtype policy.

    Example:
        prior = AdversarialPrior()
        prior.build()
        generator_loss, discriminator_loss = prior.losses(theta, pose, betas, has_smpl)
        total += weight * generator_loss + discriminator_loss
    """

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)

    def build(self, _=None):
        """Creates the weights."""
        width = _SHARED_WIDTH
        self._shared = [self._dense("shared1", 9, width), self._dense("shared2", width, width)]
        self._joints = self._dense("joints", width, JOINTS)
        self._pose = [
            self._dense("pose1", JOINTS * width, _POSE_WIDTH),
            self._dense("pose2", _POSE_WIDTH, _POSE_WIDTH),
            self._dense("pose3", _POSE_WIDTH, 1),
        ]
        first, second = _SHAPE_WIDTHS
        self._shape = [
            self._dense("shape1", conventions.NUM_BETAS, first),
            self._dense("shape2", first, second),
            self._dense("shape3", second, 1),
        ]
        self.built = True

    def _dense(self, name: str, inputs: int, outputs: int) -> Dense:
        kernel = self.add_weight(shape=(inputs, outputs), initializer="glorot_uniform", name=f"{name}_kernel")
        return kernel, self.add_weight(shape=(outputs,), initializer="zeros", name=f"{name}_bias")

    def losses(self, theta, pose, betas, has_smpl):
        """Both sides' losses, sums over the discriminators and means over the frames.

        Args:
            theta: [N, 85], predicted.
            pose: [N, 72] axis-angle, labels.
            betas: [N, 10], labels.
            has_smpl: [N], 1 where pose and betas may be used; others may hold anything.

        Returns:
            (generator_loss, discriminator_loss), scalars: sum_i (D_i(Theta) - 1)^2, whose gradient reaches `theta`
            alone, and sum_i D_i(Theta)^2 + sum_i (D_i(label) - 1)^2, whose gradient reaches the weights alone. The mean
            over labels is over those that are there.
        """
        predicted = theta[..., conventions.POSE_SLICE], theta[..., conventions.BETAS_SLICE]
        generator = ops.sum((self._scores(*predicted, ops.stop_gradient) - 1.0) ** 2, -1)
        fake = ops.sum(self._scores(*(ops.stop_gradient(x) for x in predicted)) ** 2, -1)
        known = has_smpl[:, None] > 0
        labels = (ops.where(known, x, ops.zeros_like(x)) for x in (pose, betas))
        real = has_smpl * ops.sum((self._scores(*labels) - 1.0) ** 2, -1)
        return ops.mean(generator), ops.mean(fake) + ops.sum(real) / ops.maximum(ops.sum(has_smpl), 1.0)

    def _scores(self, pose, betas, read: Callable[[Any], Any] = ops.convert_to_tensor):
        """Pose [N, 72] and betas [N, 10] -> [N, 25], 1 for a person; `read` takes each weight to what is used of it."""

        def dense(x, layer):
            kernel, bias = (read(weight) for weight in layer)
            return ops.matmul(x, kernel) + bias

        def stack(x, layers):
            for layer in layers[:-1]:
                x = ops.relu(dense(x, layer))
            return dense(x, layers[-1])

        joints = ops.reshape(pose, (-1, conventions.NUM_JOINTS, 3))[:, 1:]
        features = ops.reshape(rotations.axis_angle_to_matrix(joints, ops), (-1, JOINTS, 9))
        for layer in self._shared:
            features = ops.relu(dense(features, layer))
        kernel, bias = (read(weight) for weight in self._joints)
        each = ops.sum(features * ops.transpose(kernel), -1) + bias
        together = stack(ops.reshape(features, (-1, JOINTS * _SHARED_WIDTH)), self._pose)
        return ops.concatenate([each, together, stack(betas, self._shape)], -1)
