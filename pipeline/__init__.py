"""The host's stages: recipe, data, train, quantize, export, evaluate."""
