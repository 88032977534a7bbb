"""The lowest floor: runs on the device, on the host and in the server alike.

Imports the standard library, numpy and the runtime of its target; nothing of the project, and no TensorFlow.
"""
