"""What BentoML serves: the artefact beside this file, with the settings that the environment does not say otherwise."""

import os
from pathlib import Path

os.environ.setdefault("EDGEWISE_ARTIFACT", str(Path(__file__).parent.absolute() / "artifact"))
os.environ.setdefault("EDGEWISE_RUNTIME", "@{runtime}")

# After the environment is set, which it reads.
from serving.bento import service

__all__ = ["service"]
