"""The subcommands ``inspect``, ``tail`` and ``check``."""
