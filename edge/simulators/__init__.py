"""Interpreters and simulators that only a host has: what stands in for a microcontroller, an FPGA or a TPU."""
