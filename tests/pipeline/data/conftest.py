"""Small labelled folders of real pictures, and a cache of each test's own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeFolder = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("EDGEWISE_CACHE", str(folder))
    return folder


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "prepared"
    folder.mkdir()
    return folder


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Folder of random pictures, no two alike: `make_folder({"cat": 12, "train/dog": 3})`, names to counts."""
    generator = np.random.default_rng(7)

    def make(counts: dict[str, int], name: str = "pictures") -> Path:
        root = tmp_path / name
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 256, (9, 11, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / folder / f"{index:03d}.png")
        return root

    return make
