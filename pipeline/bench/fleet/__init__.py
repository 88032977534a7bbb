"""A fleet that polls an update repository: what the web server, or a CDN, sees of it."""
