"""Give every Segment event the Koala profile id of the visitor whose request caused it."""

from koala_middleware.cookies import parse_profile_id
from koala_middleware.options import Options
from koala_middleware.segment import instrument, uninstrument
from koala_middleware.visitor import (
    Visitor,
    carry,
    current_visitor,
    get_profile_id,
    profile,
)

__all__ = [
    "Options",
    "Visitor",
    "carry",
    "current_visitor",
    "get_profile_id",
    "instrument",
    "parse_profile_id",
    "profile",
    "uninstrument",
]
