"""What Segment's Koala (Cloud) destination does with one Segment message.

The rules are those of its published code, slug ``actions-koala-cloud``, and of the framework it
runs on: https://github.com/segmentio/action-destinations
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from koala_middleware.inspector.causes import cause_of
from koala_middleware.inspector.explanation import without_explanation

NO_IDENTIFIER = "no profile id and no email"
# Reasons that are not faults: Koala never takes such a message, whatever it contains.
NEVER_TAKEN = ("not subscribed", "sent by analytics.js")


@dataclass(frozen=True, slots=True)
class KoalaRequest:
    """The JSON body that is POSTed to Koala's ``/web/projects/<public key>/batch``."""

    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why Koala never receives a message, and how to fix that."""

    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    label: str
    type: Literal["string", "date-time", "object"]
    paths: tuple[str, ...]
    required: bool = False


_EMAIL = _Field("email", "Email", "string", ("traits.email", "email"))
_EVENT = _Field("event", "Event Name", "string", ("event",), required=True)
_PROPERTIES = _Field("properties", "Event properties", "object", ("properties",))
_TRAITS = _Field("traits", "Traits", "object", ("traits",))
_SENT_AT = _Field("sent_at", "Sent At", "date-time", ("timestamp",), required=True)
_CONTEXT = _Field("context", "Context properties", "object", ("context",))
_USER = _Field("traits", "Traits", "object", ("context.traits",))
_DEVICE_IP = _Field("device_ip", "Device IP", "string", ("context.ip",))
_MESSAGE_ID = _Field("message_id", "MessageId", "string", ("messageId",), required=True)

# In the destination's order, which is the order of the validator's complaints.
_TRACK = (_EMAIL, _EVENT, _PROPERTIES, _SENT_AT, _CONTEXT, _USER, _DEVICE_IP, _MESSAGE_ID)
_IDENTIFY = (_EMAIL, _TRAITS, _SENT_AT, _CONTEXT, _DEVICE_IP, _MESSAGE_ID)

_WANTED = {
    "string": "a non-empty string",
    "date-time": "an ISO 8601 date and time",
    "object": "an object (a dict), or leave it out",
}
_IDENTIFY_HINT = "Put an email or a profile_id into traits; see the option identify."

# The date-time format of ajv-formats, which takes a blank for the T and does without a time zone.
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt\s](?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d|23:59:60)(?:\.\d+)?"
    r"(?:[Zz]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)

_ABSENT: Any = object()  # JavaScript's undefined: left out of JSON, where null is kept


def koala_request(event: Mapping[str, object]) -> KoalaRequest | Dropped:
    """Return what Segment's Koala (Cloud) destination does with a Segment message.

    ``event`` is the message as Segment's HTTP API takes it, parsed from JSON. It is never changed,
    but the returned body shares its nested values. An odd message is judged as Segment judges it,
    and never raises; the reason for an invalid one is the message of Segment's validator. If it
    says in ``context.koala`` why it has no visitor, the hint does so, too.
    """
    message, explanation = without_explanation(event)
    return decide(message, explanation.cause)


def decide(event: Mapping[str, object], cause: str | None) -> KoalaRequest | Dropped:
    """Return what the destination does with a message that has no visitor because of ``cause``."""
    kind = _get(event, "type")
    if kind != "track" and kind != "identify":
        hint = "only track and identify reach Koala; track what Koala should receive"
        return Dropped(NEVER_TAKEN[0], hint)

    fields = _TRACK if kind == "track" else _IDENTIFY
    payload = _payload(event, fields)
    if invalid := _invalid(payload, fields) or _crash(event):
        return invalid
    if kind == "track" and _get(payload, "context.library.name") == "analytics.js":
        return Dropped(NEVER_TAKEN[1], "nothing to fix: the pixel reports it already")

    traits = payload.get("traits", {})
    source = payload.get("properties", {}) if kind == "track" else traits
    values = {
        "profile_id": source.get("profile_id", _ABSENT),
        "email": _first_set(*(place.get("email", _ABSENT) for place in (payload, source, traits))),
        "traits": traits,
        "ip": _first_set(source.get("ip", _ABSENT), payload.get("device_ip", _ABSENT)),
    }
    body = {name: value for name, value in values.items() if value is not _ABSENT}
    if not _truthy(body.get("profile_id")) and not _truthy(body.get("email")):
        is_explained = kind == "track" or cause is not None
        hint = cause_of(cause).remedy if is_explained else _IDENTIFY_HINT
        return Dropped(NO_IDENTIFIER, hint)

    if kind == "track":
        return KoalaRequest({**body, "events": [{"type": kind, **payload}]})
    context = {**payload.get("context", {}), "source": "segment-cloud"}
    return KoalaRequest({**body, "identifies": [{"type": kind, **payload, "context": context}]})


def _payload(event: Mapping[str, object], fields: tuple[_Field, ...]) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for field in fields:
        value = _first_set(*(_get(event, path) for path in field.paths))
        if value is not None and value != "":
            payload[field.name] = value if field.type == "object" else _to_string(value)
    return payload


def _invalid(payload: Mapping[str, object], fields: tuple[_Field, ...]) -> Dropped | None:
    missing = {
        field: f"The root value is missing the required field '{field.name}'."
        for field in fields
        if field.required and field.name not in payload
    }
    wrong = {
        field: f"{field.label} must be {complaint}."
        for field in fields
        if field.name in payload and (complaint := _complaint(field, payload[field.name]))
    }
    faults = missing | wrong
    hint = "; ".join(f"set {' or '.join(field.paths)} to {_WANTED[field.type]}" for field in faults)
    return Dropped(" ".join(faults.values()), hint) if faults else None


def _complaint(field: _Field, value: object) -> str | None:
    if field.type == "object":
        return None if isinstance(value, Mapping) else f"an object but it was {_type_name(value)}"
    if not isinstance(value, str):
        return f"a string but it was {_type_name(value)}"
    valid = field.type == "string" or _is_date_time(value)
    return None if valid else "a valid date and time string but it was not"


def _type_name(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}
    return "an array" if isinstance(value, (list, tuple)) else names.get(type(value), "an object")


def _is_date_time(value: str) -> bool:
    found = _DATE_TIME.fullmatch(value)
    year, month, day = map(int, found.groups()) if found else (0, 0, 0)
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def _crash(event: Mapping[str, object]) -> Dropped | None:
    # The framework looks for an audience in context.personas; a null on the way is a TypeError.
    context = event.get("context", {})
    if context is None:
        reason = "Cannot destructure property 'personas' of '{}' as it is null."
        return Dropped(reason, "leave context out instead of sending null")
    if isinstance(context, Mapping) and context.get("personas", {}) is None:
        reason = "Cannot read properties of null (reading 'computation_class')"
        return Dropped(reason, "leave context.personas out instead of sending null")
    return None


def _get(message: object, path: str) -> Any:
    # The framework's get() is `value && value[key]`: a falsy value on the way is the result.
    value: Any = message
    for key in path.split("."):
        if not isinstance(value, (dict, Mapping)):  # asking for a dict first is much faster
            return None if _truthy(value) else value
        value = value.get(key)
    return value


def _first_set(*values: Any) -> Any:
    # JavaScript's `a ?? b ?? c`: where none is set, the last one distinguishes null from undefined.
    for value in values:
        if value is not None and value is not _ABSENT:
            return value
    return values[-1]


def _truthy(value: object) -> bool:
    # In JavaScript, empty objects and arrays are truthy.
    return bool(value) or isinstance(value, (Mapping, list, tuple))


def _to_string(value: object) -> object:
    # Ajv's coerceTypes "array": https://ajv.js.org/coercion.html
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number_to_string(value) if isinstance(value, (int, float)) else value


def _number_to_string(value: float) -> str:
    # Number::toString: https://tc39.es/ecma262/#sec-numeric-types-number-tostring
    number = float(Decimal(value)) or 0.0  # Decimal makes inf of a huge int; no OverflowError
    if 0 < abs(number) < 1e-6 or 1e21 <= abs(number) < float("inf"):
        return repr(number).replace("e-0", "e-")
    return f"{Decimal(repr(number)).normalize():f}"
