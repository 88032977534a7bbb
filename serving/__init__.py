"""The REST service over a proven artefact."""
