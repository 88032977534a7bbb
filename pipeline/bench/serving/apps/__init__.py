"""The same two tasks on other servers: a raw tensor, and a JPEG. Run with their own interpreters, which have no more of
this project than `edge.device`."""
