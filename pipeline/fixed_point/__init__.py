"""From a trained network to one in fixed point: a small student, pruned, and trained aware of powers of two."""
