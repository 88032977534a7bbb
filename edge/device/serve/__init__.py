"""A small HTTP endpoint: a supervisor that holds the socket, and a worker for each version, which answers."""
