"""From a source of labelled pictures to one checked, split, decoded data set on disk."""
