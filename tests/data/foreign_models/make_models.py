"""Makes the models in this folder with TensorFlow, a toolchain that is not ours.

TensorFlow is no dependency of the project (1.6 GB), so its output is kept here. Made with
tensorflow-cpu 2.21.0 and keras 3.15.1:

    pip install tensorflow-cpu && python make_models.py
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
LAYERS = tf.keras.layers


def converted(model: Any, **options: Any) -> bytes:
    """The .tflite form of a Keras model."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    for name, value in options.items():
        part, _, field = name.partition("__")
        setattr(getattr(converter, part) if field else converter, field or part, value)
    return bytes(converter.convert())


def window_model(frames: int | None, size: int | None, batch: int | None, recurrent: bool) -> Any:
    """A whole window of frames to four key probabilities; `None` leaves a dimension open."""
    window = LAYERS.Input((frames, size, size, 3), batch_size=batch)
    features = LAYERS.TimeDistributed(LAYERS.Conv2D(4, 8, strides=8, activation="relu"))(window)
    features = LAYERS.TimeDistributed(LAYERS.GlobalAveragePooling2D())(features)
    joined = LAYERS.LSTM(8)(features) if recurrent else LAYERS.Flatten()(features)
    return tf.keras.Model(window, LAYERS.Dense(4, activation="sigmoid")(joined))


class Inverse(tf.keras.layers.Layer):
    """An operation that only TensorFlow itself has: converts to FlexMatrixInverse."""

    def call(self, values: Any) -> Any:
        return tf.linalg.inv(tf.eye(4) + tf.linalg.diag(tf.reshape(values, (4,))))


def main() -> None:
    """Write every model."""
    tf.keras.utils.set_random_seed(0)
    # As a person's own script would make it: batch left open, LSTM over 20 frames of 256 x 256.
    (HERE / "keras_window.tflite").write_bytes(converted(window_model(20, 256, 1, recurrent=True)))
    (HERE / "keras_open_batch.tflite").write_bytes(converted(window_model(4, 32, None, recurrent=False)))
    convolution = LAYERS.Input((None, None, None, 3), batch_size=1)
    pooled = LAYERS.GlobalAveragePooling3D()(LAYERS.Conv3D(4, 3)(convolution))
    open_size = tf.keras.Model(convolution, LAYERS.Dense(4, activation="sigmoid")(pooled))
    (HERE / "keras_open_size.tflite").write_bytes(converted(open_size))

    small = window_model(4, 32, 1, recurrent=False)
    windows = [np.random.default_rng(i).random((1, 4, 32, 32, 3), np.float32) for i in range(16)]
    quantised = converted(
        small,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: ([window] for window in windows),
        target_spec__supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS_INT8],
        inference_input_type=tf.uint8,
        inference_output_type=tf.uint8,
    )
    (HERE / "keras_uint8.tflite").write_bytes(quantised)

    window = LAYERS.Input((4, 32, 32, 3), batch_size=1)
    values = LAYERS.Dense(4)(LAYERS.GlobalAveragePooling3D()(window))
    flex = tf.keras.Model(window, LAYERS.Dense(4)(LAYERS.Flatten()(Inverse()(values))))
    selected = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    (HERE / "keras_flex.tflite").write_bytes(converted(flex, target_spec__supported_ops=selected))


if __name__ == "__main__":
    main()
