"""What a user of each peer would write, following its own documentation.

Run with the peer's interpreter, which has nothing of this project: `python PROGRAM MATERIALS SEED RESULT`. MATERIALS is
the folder that `pipeline.bench.materials` describes, RESULT the model file to write.
"""
