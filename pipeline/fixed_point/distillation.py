"""A student learns what the trained network answers, not the labels alone.

Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network" (2015), https://arxiv.org/abs/1503.02531; with
mixed pictures and long training, Beyer et al., "Knowledge distillation: A good teacher is patient and consistent"
(2022), https://arxiv.org/abs/2106.05237.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.fixed_point.network import Front
from pipeline.fixed_point.aware import FrontLayer

TEMPERATURE = 2.0


class Distillation(keras.layers.Layer):  # type: ignore[misc]
    """Hands the student's logits on, and adds the loss of its softened answers against the teacher's."""

    def call(self, logits: tuple[Any, Any], training: bool | None = None) -> Any:
        student, teacher = logits
        if training:
            wanted = tf.nn.softmax(tf.stop_gradient(teacher) / TEMPERATURE)
            each = tf.nn.softmax_cross_entropy_with_logits(wanted, student / TEMPERATURE)
            self.add_loss(TEMPERATURE**2 * tf.reduce_mean(each))
        return student


def with_teacher(student: keras.Model, front: Front, teacher: keras.Model) -> keras.Model:
    """A model of float pixels [n, h, w, c] that gives the student's logits; training it trains the student alone.

    `student` takes the front's numbers, `teacher` pixels 0..255.
    """
    teacher.trainable = False
    pixels = keras.Input(student.input_shape[1:], name="image")
    logits = student(FrontLayer(front)(pixels))
    answers = teacher(pixels, training=False)
    return keras.Model(pixels, Distillation(name="distillation")((logits, answers)), name="distilled")
