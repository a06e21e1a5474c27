"""What the suites' Pythons import: it wraps their applications, and edits none of their files."""
