"""DEVICE.md: how the SavedModel is served, and training goes, on a Cloud TPU."""


def device_page(folder: str, shape: tuple[int | None, ...]) -> str:
    """The commands on a TPU VM.

    Sources: https://www.tensorflow.org/guide/tpu, https://www.tensorflow.org/tfx/serving/docker
    """
    picture = ", ".join(str(length) for length in shape[1:])
    return f"""# {folder} on a Cloud TPU

Signature `serving_default`: `image`, uint8 [batch, {picture}], raw pixels 0 to 255, to `logits`, float32
[batch, labels]. Arithmetic in bfloat16, weights in float32. contract.json says how pictures are decoded and resized.

Nothing here has run on a TPU: it was run by TensorFlow on a CPU, and compiled by XLA for one. On a TPU VM, compare its
answers with golden.npz before it serves anyone:

    import numpy as np, tensorflow as tf
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect("local")
    strategy = tf.distribute.TPUStrategy(resolver)
    with strategy.scope():
        serve = tf.saved_model.load("{folder}").signatures["serving_default"]
    golden = np.load("golden.npz")
    on_tpu = tf.function(lambda image: strategy.run(serve, kwargs=dict(image=image)))
    answers = strategy.experimental_local_results(on_tpu(tf.constant(golden["inputs"])))[0]["logits"].numpy()
    print(abs(answers - golden["outputs"]).max(), "is to be at most", golden["tolerance"])

XLA compiles once for each batch size: send batches of one size, a multiple of 8, padded where need be.

On any machine, TensorFlow Serving (its folder wants a version number):

    mkdir -p served/1 && cp -r {folder}/. served/1/
    docker run -p 8501:8501 -v "$PWD/served:/models/model" -e MODEL_NAME=model tensorflow/serving

Training on TPUs: `train.devices = "tpu"` in the recipe, on a TPU VM (TPU_NAME names another than the local one).
"""
