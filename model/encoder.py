"""Encoder E: an image becomes a feature vector phi and a low-level feature map a (paper sections 4.1 and 4.2)."""

from __future__ import annotations

import keras
from keras import layers

from model.config import ModelConfig

# Stem and stages of the small encoder: 1/16 of the input's side, 128 channels at the end.
SMALL_STEM = 24
SMALL_STAGES = (32, 64, 128)


def build_encoder(config: ModelConfig) -> keras.Model:
    """Images [B, S, S, 3] in 0..1 -> (phi [B, D], a [B, L, D]).

    phi is the global average of the last block's output; a is that output as L = (S/32)^2 annotation vectors
    ((S/16)^2 for the small encoder). D is 2048 for ResNet-50 and 128 for the small encoder.
    """
    image = layers.Input((config.image_size, config.image_size, 3), name="image")
    feature_map = _small(image) if config.encoder == "small" else _resnet(image, config)
    _, height, width, depth = feature_map.shape
    phi = layers.GlobalAveragePooling2D(name="phi")(feature_map)
    annotations = layers.Reshape((height * width, depth), name="annotations")(feature_map)
    return keras.Model(image, (phi, annotations), name="encoder")


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
    """A ResNet of one basic block a stage, about 1/100 of ResNet-50's work, for CPUs."""
    x = layers.Rescaling(2.0, -1.0)(image)
    x = layers.Conv2D(SMALL_STEM, 5, strides=2, padding="same", use_bias=False, name="stem")(x)
    for width in SMALL_STAGES:
        shortcut = layers.AveragePooling2D(2)(x)
        shortcut = layers.Conv2D(width, 1, use_bias=False)(shortcut)
        y = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        y = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(y)
        y = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(y))
        y = layers.Conv2D(width, 3, padding="same", use_bias=False)(y)
        x = layers.Add()([shortcut, y])
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
