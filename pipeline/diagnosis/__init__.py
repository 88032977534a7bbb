"""Where the difference comes from: a model file beside the float model and beside itself in another runtime, by layer.

A layer's own error is judged on the inputs that it really received, so that the layer to blame is named, not those
after it. The way in is `pipeline.diagnosis.diagnose.diagnose`.
"""
