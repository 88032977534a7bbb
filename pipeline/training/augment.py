"""Random changes of training pictures: one compiled function of pictures and a seed, run inside the training step."""

import math
from collections.abc import Callable

import tensorflow as tf

from pipeline.recipe import Augment

Changed = tuple[tf.Tensor, tf.Tensor]


def augmenter(settings: Augment) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], Changed]:
    """A function of (uint8 images [n, h, w, c], float targets [n, classes], int32 seed [2]) to (float32 pixels 0..255,
    targets). The same seed gives the same pictures."""

    def change(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor) -> Changed:
        x = tf.cast(images, tf.float32)
        seeds = _split(seed, 4)
        if settings.flip or settings.crop or settings.rotate or settings.zoom:
            x = _move(x, settings, seeds[0])
        if settings.brightness or settings.contrast:
            x = _light(x, settings, seeds[1])
        if settings.cutout:
            x = _cut_out(x, settings.cutout, seeds[2])
        if settings.mixup:
            x, targets = _mix_up(x, targets, settings.mixup, seeds[3])
        return x, targets

    return change


def _split(seed: tf.Tensor, count: int) -> list[tf.Tensor]:
    seeds: list[tf.Tensor] = tf.unstack(tf.random.experimental.stateless_split(seed, count))
    return seeds


def _uniform(seed: tf.Tensor, count: tf.Tensor, low: float, high: float) -> tf.Tensor:
    return tf.random.stateless_uniform([count], seed, low, high)


def _move(x: tf.Tensor, settings: Augment, seed: tf.Tensor) -> tf.Tensor:
    """Flip, shift, rotate and zoom in one projective transform; what moves in from outside repeats the border."""
    count, (height, width) = tf.shape(x)[0], x.shape[1:3]
    seeds = _split(seed, 5)
    flip = tf.sign(_uniform(seeds[0], count, -1.0, 1.0)) if settings.flip else tf.ones([count])
    down = _uniform(seeds[1], count, -settings.crop, settings.crop) * height
    right = _uniform(seeds[2], count, -settings.crop, settings.crop) * width
    angle = _uniform(seeds[3], count, -settings.rotate, settings.rotate) * (math.pi / 180)
    scale = 1 / _uniform(seeds[4], count, 1 - settings.zoom, 1 + settings.zoom)
    if not settings.rotate and not settings.zoom:
        # Whole pixels: a shift of a small picture by half a pixel would blur it.
        down, right = tf.round(down), tf.round(right)
    cosine, sine = tf.cos(angle) * scale, tf.sin(angle) * scale
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    # Output pixel (x, y) is read at input (a0 x + a1 y + a2, b0 x + b1 y + b2), turned about the middle.
    a0, a1, b0, b1 = flip * cosine, -sine, flip * sine, cosine
    a2 = middle_x + right - a0 * middle_x - a1 * middle_y
    b2 = middle_y + down - b0 * middle_x - b1 * middle_y
    zero = tf.zeros([count])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1),
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )


def _light(x: tf.Tensor, settings: Augment, seed: tf.Tensor) -> tf.Tensor:
    count = tf.shape(x)[0]
    seeds = _split(seed, 2)
    brightness = _uniform(seeds[0], count, -settings.brightness, settings.brightness) * 255
    contrast = _uniform(seeds[1], count, 1 - settings.contrast, 1 + settings.contrast)
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    shift, gain = brightness[:, None, None, None], contrast[:, None, None, None]
    return tf.clip_by_value((x - mean) * gain + mean + shift, 0.0, 255.0)


def _cut_out(x: tf.Tensor, side: float, seed: tf.Tensor) -> tf.Tensor:
    """Blank one square of grey a picture (DeVries & Taylor 2017)."""
    count, (height, width) = tf.shape(x)[0], x.shape[1:3]
    seeds = _split(seed, 2)

    def outside(seed: tf.Tensor, size: int) -> tf.Tensor:
        middle = _uniform(seed, count, 0.0, float(size))
        return tf.abs(tf.range(size, dtype=tf.float32)[None] + 0.5 - middle[:, None]) > side * size / 2

    keep = tf.logical_or(outside(seeds[0], height)[:, :, None], outside(seeds[1], width)[:, None, :])
    return tf.where(keep[..., None], x, 128.0)


def _mix_up(x: tf.Tensor, targets: tf.Tensor, alpha: float, seed: tf.Tensor) -> Changed:
    """Blend each picture and its target with its neighbour in the batch (Zhang et al. 2018)."""
    seeds = _split(seed, 2)
    # Beta(alpha, alpha) as a ratio of two Gamma(alpha) draws.
    first = tf.random.stateless_gamma([tf.shape(x)[0]], seeds[0], alpha)
    second = tf.random.stateless_gamma([tf.shape(x)[0]], seeds[1], alpha)
    share = first / tf.maximum(first + second, 1e-12)
    keep, blend = share[:, None, None, None], share[:, None]
    x = keep * x + (1 - keep) * tf.roll(x, 1, axis=0)
    return x, blend * targets + (1 - blend) * tf.roll(targets, 1, axis=0)
