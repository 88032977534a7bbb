"""A folder that takes a proven artefact from one machine to a fleet: Bento, images, systemd, Kubernetes, KServe."""
