"""Accuracy and size against what a user would pick instead, on the same network and pictures."""
