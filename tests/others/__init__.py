"""Other projects' own test suites, run with our middleware around or inside every application."""
