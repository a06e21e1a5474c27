"""Three small real sites to copy from, and the command that runs them."""
