"""One module for each target, all with the same verbs in the same order: `check`, `convert`, `run`."""
