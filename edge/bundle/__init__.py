"""Bundles on the host: a proven artefact, what belongs to it and the runner, in one signed and reproducible file."""
