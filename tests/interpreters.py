"""Where tests start new interpreters: with ``-c`` or ``-m`` the folder comes first on ``sys.path``,
and the checkout's package would be tested in place of the installed one."""

from __future__ import annotations

import sys
from pathlib import Path

ELSEWHERE = Path(sys.executable).parent
