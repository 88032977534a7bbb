"""The lowest floor: runs on the device, on the host and in the server alike.

Imports the standard library, numpy and the runtime of its target; nothing of the project, and no TensorFlow.

All of it runs in Python 3.9, which the boards' systems have (but for `update`, whose tuf asks for 3.10), and in the
newer ones of the host: annotations are not evaluated (from __future__ import annotations), dataclasses have their
fields with defaults last and are made by keyword. numpy and runtimes are imported where they are needed, as the
runner has to start in a moment.
"""
