"""What a visitor can do on the sites: each is one request that tracks one event."""

from __future__ import annotations

from typing import NamedTuple


class Action(NamedTuple):
    """A button of the demo: the request it makes and the event it causes."""

    site: str
    button: str
    path: str
    event: str
    tracked_in: str


ACTIONS = [
    Action("Django", "Sign up", "/django/sign-up", "Signed Up", "a view"),
    Action("Django", "Upgrade the plan", "/django/upgrade", "Plan Upgraded", "an async view"),
    Action("Django", "Export the report", "/django/export", "Report Exported", "a streamed body"),
    Action("Flask", "Add to the cart", "/flask/cart", "Product Added", "a view"),
    Action(
        "Flask", "Download the receipt", "/flask/receipt", "Receipt Downloaded", "a streamed body"
    ),
    Action("Flask", "Place the order", "/flask/order", "Order Completed", "close()"),
    Action("Starlette", "Create a project", "/starlette/project", "Project Created", "an endpoint"),
    Action("Starlette", "Pay the invoice", "/starlette/invoice", "Invoice Paid", "a worker thread"),
    Action(
        "Starlette", "Import contacts", "/starlette/import", "Contacts Imported", "a streamed body"
    ),
    Action(
        "Starlette",
        "Invite a teammate",
        "/starlette/invite",
        "Teammate Invited",
        "a background task",
    ),
]
