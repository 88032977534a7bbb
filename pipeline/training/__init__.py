"""Training: one loop for float and quantization-aware models, resumable to the bit."""
