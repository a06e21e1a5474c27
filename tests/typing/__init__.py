"""What users write, for type checkers only: nothing here is run."""
