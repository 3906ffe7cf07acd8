"""The protocol buffer messages of tf.train.Example, without TensorFlow.

A worker that only writes records would otherwise hold TensorFlow's half a gigabyte. The messages are built from their
description (tensorflow/core/example/{example,feature}.proto), so that the bytes are those of TensorFlow's own classes.
"""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto


def _describe() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")

    def field(message, name, number, kind, type_name="", repeated=False, **options):
        label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
        found = message.field.add(name=name, number=number, type=kind, label=label, **options)
        if type_name:
            found.type_name = f".tensorflow.{type_name}"
        return found

    for name, kind in (("Bytes", _Field.TYPE_BYTES), ("Float", _Field.TYPE_FLOAT), ("Int64", _Field.TYPE_INT64)):
        values = field(file.message_type.add(name=f"{name}List"), "value", 1, kind, repeated=True)
        if kind != _Field.TYPE_BYTES:
            values.options.packed = True
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("Bytes", "Float", "Int64"), 1):
        field(feature, f"{name.lower()}_list", number, _Field.TYPE_MESSAGE, f"{name}List", oneof_index=0)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    field(entry, "key", 1, _Field.TYPE_STRING)
    field(entry, "value", 2, _Field.TYPE_MESSAGE, "Feature")
    field(features, "feature", 1, _Field.TYPE_MESSAGE, "Features.FeatureEntry", repeated=True)
    field(file.message_type.add(name="Example"), "features", 1, _Field.TYPE_MESSAGE, "Features")
    return file


# A pool of their own: TensorFlow registers messages of the same names in the default one.
_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_describe())


def _message(name: str):
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"tensorflow.{name}"))


BytesList, FloatList, Int64List = _message("BytesList"), _message("FloatList"), _message("Int64List")
Feature, Features, Example = _message("Feature"), _message("Features"), _message("Example")
