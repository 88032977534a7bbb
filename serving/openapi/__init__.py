"""GET /docs.json: the OpenAPI 3.1 of what this server really serves, made of its routes, its model and its settings."""
