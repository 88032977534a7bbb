"""The command line: the roof over all stages. TensorFlow is imported inside commands alone."""

from pipeline.cli.main import main

__all__ = ["main"]
