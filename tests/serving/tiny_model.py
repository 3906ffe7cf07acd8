"""A SavedModel small enough to know every answer of."""

import pathlib

import numpy as np

MODEL = "tiny"
MAX_BYTES = 100_000


def export(folder: pathlib.Path, factor: float, warm_up_shape: tuple[int, ...]) -> None:
    """Writes a SavedModel and one warm-up request for its "double", with an input of ones.

    Signatures: serving_default (of strings), double (x times `factor`), pair (two inputs and outputs), decode (a JPEG).
    """
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    module = tf.Module()
    module.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def strings(text):
        return {"length": tf.strings.length(text), "text_bytes": text, "text": text}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def double(x):
        return {"y": x * module.factor}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "a"), tf.TensorSpec([None], tf.int64, "b")])
    def pair(a, b):
        return {"total": tf.reduce_sum(a), "b": b + 1}

    @tf.function(input_signature=[tf.TensorSpec([], tf.string, "jpeg")])
    def decode(jpeg):
        return {"image": tf.io.decode_jpeg(jpeg)}

    signatures = {"serving_default": strings, "double": double, "pair": pair, "decode": decode}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = "double"
    log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.ones(warm_up_shape, np.float32)))
    (folder / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(folder / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())
