"""A sheet of training pictures as the network sees them."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.data.dataset import Split, load_dataset
from pipeline.plots import sample_sheet
from pipeline.recipe import Recipe
from pipeline.training.augment import augmenter

_COLUMNS = 8
_ROWS = 12  # labels shown at the most


def draw_preview(recipe: Recipe, data: Path, place: Path) -> None:
    """Write a PNG: for each label one training picture, then seven changes of it by the recipe's augmentation."""
    dataset = load_dataset(data)
    training = dataset.part(Split.TRAINING)
    change = augmenter(recipe.train.augment)
    rows = []
    for label, name in list(enumerate(dataset.classes))[:_ROWS]:
        members = np.flatnonzero(training.labels == label)
        original = training.pick(np.resize(members, _COLUMNS))
        # Several pictures of the label beside each other, so that mixup shows what it blends.
        batch = np.concatenate([original[:1]] * (_COLUMNS - 1)) if not recipe.train.augment.mixup else original[1:]
        targets = tf.zeros([len(batch), len(dataset.classes)])
        changed, _ = change(tf.constant(batch), targets, tf.constant([recipe.train.seed, label], tf.int32))
        shown = np.clip(np.rint(changed.numpy()), 0, 255).astype(np.uint8)
        rows.append((name, np.concatenate([original[:1], shown])))
    partial = place.with_name(f".{place.stem}.partial.png")
    sample_sheet(rows, partial)
    partial.replace(place)
