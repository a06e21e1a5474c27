"""Three small real sites to copy from, and the command that runs them."""

import os

# Before its sites are made: their events say why they have a visitor, or none.
os.environ.setdefault("KOALA_EXPLAIN", "1")
