"""Bundles as a device sees them: one signed file that holds all it takes to run a model."""

from edge.device.bundle.description import Description, read_description
from edge.device.bundle.unpacking import read_head, unpack

__all__ = ["Description", "read_description", "read_head", "unpack"]
