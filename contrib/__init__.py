"""Plugins for web frameworks and task queues, one module each."""
