"""Between raw bytes and a core network."""

import tf_keras as keras


def with_pixels(core: keras.Model, scale: float, offset: float) -> keras.Model:
    """`core(pixels * scale + offset)`: from pixels 0..255, float32 [batch, height, width, channels], to logits."""
    pixels = keras.Input(core.input_shape[1:], name="image")
    # float32 under every policy: bfloat16 cannot tell neighbouring pixel values apart.
    x = keras.layers.Rescaling(scale, offset, dtype="float32", name="normalise")(pixels)
    return keras.Model(pixels, core(x), name="model")


def core_of(model: keras.Model) -> keras.Model:
    """The core inside a model made by `with_pixels`."""
    return model.layers[-1]
