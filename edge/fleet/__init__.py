"""Many devices: a list of them, what they told last, and bundles for all of them."""
