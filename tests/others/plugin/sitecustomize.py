"""Put our middleware around everything, in each Python that is started for a suite.

Not a plugin of pytest: Django's suite does without, and Werkzeug's starts servers of its own.
"""

from __future__ import annotations

import os

from koala_around import needs  # type: ignore[import-not-found]

needs.provide()
if os.environ.get("KOALA_AROUND", "bare") != "bare":
    from koala_around import patches

    patches.apply()
