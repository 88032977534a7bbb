"""The service against the model in process, against other servers, under overload, over time, and at its start."""
