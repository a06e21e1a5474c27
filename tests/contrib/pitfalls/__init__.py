"""Faults that comparable projects shipped, each with the promise that it is not ours.

A docstring names the issue or pull request of the project that had the fault.
"""
