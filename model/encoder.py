"""Encoder E: an image becomes a feature vector phi and a low-level feature map a (paper sections 4.1 and 4.2)."""

from __future__ import annotations

import pathlib

import keras
import numpy as np
from keras import layers, ops

from model import resnet_weights
from model.config import ModelConfig
from model.errors import ConfigError

# The small encoder: channels and strides of its convolutions; 1/8 of the input's side at the end.
SMALL_STAGES = ((16, 2), (32, 2), (64, 2), (64, 1), (64, 1))
SMALL_HEATMAPS = 64
# What its heatmaps, whose values are logits of up to 25, are divided by as part of a: among annotations of about 1 they
# would be most of what the LSTM hears.
HEATMAP_LOGITS = 16.0


def build_encoder(config: ModelConfig) -> keras.Model:
    """Images [B, S, S, 3] in 0..1 -> (phi [B, D], a [B, L, D]).

    a is the last block's output as annotation vectors. phi is its global average for ResNet-50 (D = 2048,
    L = (S/32)^2). The small encoder (L = (S/8)^2) puts SMALL_HEATMAPS heatmaps before the 64 channels of a, and their
    places into phi, see SpatialMoments: D = 192.

    Raises:
        ConfigError: the weights that a ResNet starts from cannot be had.
    """
    image = layers.Input((config.image_size, config.image_size, 3), name="image")
    if config.encoder == "small":
        if config.encoder_weights not in ("", "imagenet"):
            raise ConfigError(f"No weights are read for the encoder small. Received: {config.encoder_weights!r}")
        feature_map = _small(image)
        heatmaps = layers.Conv2D(SMALL_HEATMAPS, 1, name="heatmaps")(feature_map)
        # Half precision would put the places tenths of a pixel off.
        phi = SpatialMoments(name="phi", dtype="float32")(feature_map, heatmaps)
        feature_map = layers.Concatenate()([layers.Rescaling(1.0 / HEATMAP_LOGITS)(heatmaps), feature_map])
    else:
        feature_map = _resnet(image, config)
        phi = layers.GlobalAveragePooling2D(name="phi")(feature_map)
    _, height, width, depth = feature_map.shape
    annotations = layers.Reshape((height * width, depth), name="annotations")(feature_map)
    return keras.Model(image, (phi, annotations), name="encoder")


class SpatialMoments(layers.Layer):
    """Squashed mean activations of a map [B, H, W, C] and the places of heatmaps [B, H, W, M]: [B, C + 2 M].

    A place is the expectation of the coordinates, -1..1 across the image, under a softmax over space (Levine et al.
    2016). A global average alone must spend depth on telling where things are, which a small network trained from
    scratch on few images has not got.
    """

    def call(self, feature_map, heatmaps):
        """Computes the moments."""
        height, width, count = heatmaps.shape[1:]
        weights = ops.softmax(ops.reshape(heatmaps, (-1, height * width, count)), axis=1)
        # Centres of the map's cells in the image's normalised coordinates.
        columns, rows = ((2 * np.arange(n) + 1) / n - 1 for n in (width, height))
        grid = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
        x, y = (ops.sum(weights * ops.cast(grid[:, i, None], weights.dtype), axis=1) for i in range(2))
        # All of phi in -1..1, as the LSTM's output is that takes its place in the video model.
        return ops.concatenate([ops.tanh(ops.mean(feature_map, axis=(1, 2))), x, y], axis=-1)


class CaffeColours(layers.Layer):
    """RGB in 0..1 -> BGR in 0..255 less ImageNet's mean colour: what ResNet-50 v1's weights expect."""

    MEAN = (103.939, 116.779, 123.68)

    def call(self, images):
        """Converts [..., 3]."""
        return 255.0 * ops.flip(images, axis=-1) - ops.convert_to_tensor(self.MEAN, images.dtype)


def _resnet(image, config: ModelConfig):
    """ResNet-50 v2 (He et al. 2016) or v1, each fed as its ImageNet weights expect."""
    if config.encoder == "resnet50v2":
        scaled = layers.Rescaling(2.0, -1.0, dtype="float32")(image)
        return _pretrained(keras.applications.ResNet50V2, scaled, config).output
    return _pretrained(keras.applications.ResNet50, CaffeColours(dtype="float32")(image), config).output


def _pretrained(architecture, image, config: ModelConfig) -> keras.Model:
    """An architecture of keras.applications with the weights that the config names."""
    source = config.encoder_weights
    fetched = resnet_weights.fetched_file()
    if source == "imagenet" and config.encoder == "resnet50" and fetched.is_file():
        source = str(fetched)
    if source == "imagenet":
        try:
            return architecture(include_top=False, weights="imagenet", input_tensor=image)
        except Exception as error:  # Keras raises no narrower one where it cannot download
            raise ConfigError(
                "ImageNet weights come from Keras' download, for the encoder resnet50 also from `mviper assets fetch "
                f"resnet50`; encoder_weights may name a file. Received: encoder={config.encoder}: {error}"
            ) from error
    network = architecture(include_top=False, weights=None, input_tensor=image)
    if source:
        _load(network, source, config)
    return network


def _load(network: keras.Model, path: str, config: ModelConfig) -> None:
    wanted = f"encoder_weights is a Keras weights file (.h5, .weights.h5) of {config.encoder} without its top"
    if not pathlib.Path(path).is_file():
        raise ConfigError(f"{wanted}. Received: {path!r}, which is no file")
    try:
        network.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"{wanted}. Received: {path!r}: {reason}") from error


def _small(image):
    """Five convolutions with batch normalisation, about 1/300 of ResNet-50's work, for CPUs."""
    x = layers.Rescaling(2.0, -1.0)(image)
    for width, stride in SMALL_STAGES:
        x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    return x
