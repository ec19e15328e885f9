"""The model with int8 weights and activations: what serves on a CPU.

Imports OpenVINO only in ``graph`` and ``forward``; calibrating needs torch alone.
"""
