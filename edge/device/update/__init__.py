"""Updates that a device fetches: what the repository offers, which of it is for this device, and getting it whole."""
