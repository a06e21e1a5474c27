"""The SQLite file, and the events in it."""
