import numpy as np
import pytest
import tf_keras as keras

from models import MODELS, build
from models.layers import BACKBONE_END
from models.pixels import with_pixels


@pytest.mark.parametrize("name", MODELS)
def test_core_goes_from_pictures_to_float32_logits(name: str) -> None:
    core = build(name, (32, 32, 3), 7, width=0.5, dropout=0.1)
    assert core.output_shape == (None, 7)
    assert core.layers[-1].name == "logits"
    assert core.layers[-1].get_config()["activation"] == "linear"
    assert core(np.zeros((2, 32, 32, 3), np.float32)).dtype == "float32"
    core.get_layer(BACKBONE_END)


@pytest.mark.parametrize("name", MODELS)
def test_width_makes_a_network_smaller(name: str) -> None:
    assert build(name, (32, 32, 3), 7, width=0.5).count_params() < build(name, (32, 32, 3), 7).count_params()


def test_resnet8_has_the_parameters_of_mlperf_tiny() -> None:
    # 78,666 there; its convolutions before BatchNormalization have biases, ours do not: 16*3 + 32*2 + 64*2 = 240.
    assert build("resnet8", (32, 32, 3), 10).count_params() == 78_666 - 240


def test_pixels_are_normalised_inside_in_float32_under_mixed_precision() -> None:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = with_pixels(build("mlp", (4, 4, 1), 3), 1 / 128, -1.0)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    middle = keras.Model(model.input, model.get_layer("normalise").output)
    pixels = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1) * 17
    np.testing.assert_array_equal(middle(pixels), (pixels - 128) / 128)
