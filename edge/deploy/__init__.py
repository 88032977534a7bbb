"""From a bundle's file to a device that runs it, over ssh. The device needs an ssh server and Python, nothing else."""
