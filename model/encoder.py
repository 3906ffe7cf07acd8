"""Encoder E: an image becomes a feature vector phi and a low-level feature map a (paper sections 4.1 and 4.2)."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from model import conventions
from model.config import ModelConfig

# The small encoder: channels of its stem and of its stages with their strides; 1/8 of the input's side at the end.
SMALL_STEM = 24
SMALL_STAGES = ((32, 2), (64, 2), (64, 1))
SMALL_HEATMAPS = 64


def build_encoder(config: ModelConfig) -> keras.Model:
    """Images [B, S, S, 3] in 0..1 -> (phi [B, D], a [B, L, D]).

    a is the last block's output as annotation vectors. phi is its global average for ResNet-50 (D = 2048,
    L = (S/32)^2). The small encoder (L = (S/8)^2, 64 channels) adds the places of heatmaps to phi, see
    SpatialMoments: D = 192.
    """
    image = layers.Input((config.image_size, config.image_size, 3), name="image")
    if config.encoder == "small":
        feature_map = _small(image)
        phi = SpatialMoments(name="phi")(feature_map)
    else:
        feature_map = _resnet(image, config)
        phi = layers.GlobalAveragePooling2D(name="phi")(feature_map)
    _, height, width, depth = feature_map.shape
    annotations = layers.Reshape((height * width, depth), name="annotations")(feature_map)
    return keras.Model(image, (phi, annotations), name="encoder")


class SpatialMoments(layers.Layer):
    """Mean activations and the places of learned heatmaps: [B, H, W, C] -> [B, C + 2 M], M = SMALL_HEATMAPS.

    A place is the expectation of the coordinates, -1..1 across the image, under a softmax over space (Levine et al.
    2016). A global average alone must spend depth on telling where things are, which a small network trained from
    scratch on few images has not got. The first 19 heatmaps can be supervised with 2D keypoints (`heatmap_keypoints`).
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.heatmaps = layers.Conv2D(SMALL_HEATMAPS, 1, name="heatmaps")

    def build(self, feature_map_shape):
        """Builds the heatmaps for a map [B, H, W, C]."""
        self.heatmaps.build(feature_map_shape)

    def call(self, feature_map):
        """Computes the moments."""
        height, width = feature_map.shape[1:3]
        flat = ops.reshape(self.heatmaps(feature_map), (-1, height * width, SMALL_HEATMAPS))
        weights = ops.softmax(flat, axis=1)
        # Centres of the map's cells in the image's normalised coordinates.
        columns, rows = ((2 * np.arange(n) + 1) / n - 1 for n in (width, height))
        grid = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
        x, y = (ops.sum(weights * ops.cast(grid[:, i, None], flat.dtype), axis=1) for i in range(2))
        return ops.concatenate([ops.mean(feature_map, axis=(1, 2)), x, y], axis=-1)


def heatmap_keypoints(phi):
    """Places of the small encoder's first 19 heatmaps: phi [..., D] -> [..., 19, 2] normalised coordinates."""
    x, y = phi[..., -2 * SMALL_HEATMAPS : -SMALL_HEATMAPS], phi[..., -SMALL_HEATMAPS:]
    return ops.stack([x, y], axis=-1)[..., : conventions.NUM_KEYPOINTS, :]


def _resnet(image, config: ModelConfig):
    """ResNet-50 v2 (He et al. 2016) or v1, each fed as its ImageNet weights expect."""
    weights = "imagenet" if config.imagenet else None
    if config.encoder == "resnet50v2":
        scaled = layers.Rescaling(2.0, -1.0)(image)
        return keras.applications.ResNet50V2(include_top=False, weights=weights, input_tensor=scaled).output
    # ResNet-50 v1 takes BGR with the ImageNet mean removed (Caffe's convention).
    bgr = layers.Lambda(lambda x: x[..., ::-1] * 255.0 - keras.ops.array([103.939, 116.779, 123.68]))(image)
    return keras.applications.ResNet50(include_top=False, weights=weights, input_tensor=bgr).output


def _small(image):
    """A pre-activation ResNet of one basic block a stage, about 1/100 of ResNet-50's work, for CPUs."""
    x = layers.Rescaling(2.0, -1.0)(image)
    x = layers.Conv2D(SMALL_STEM, 5, strides=2, padding="same", use_bias=False, name="stem")(x)
    for width, stride in SMALL_STAGES:
        y = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        y = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(y)
        y = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(y))
        y = layers.Conv2D(width, 3, padding="same", use_bias=False)(y)
        shortcut = layers.AveragePooling2D(stride)(x) if stride > 1 else x
        if shortcut.shape[-1] != width:
            shortcut = layers.Conv2D(width, 1, use_bias=False)(shortcut)
        x = layers.Add()([shortcut, y])
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
