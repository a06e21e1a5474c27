"""A Flask site. What the middleware needs is the line ``app.wsgi_app = …``."""

from __future__ import annotations

import time
from collections.abc import Iterator

import segment.analytics as analytics
from flask import Flask, Response, request, stream_with_context

from koala_middleware.contrib.flask import KoalaMiddleware

app: Flask = Flask(__name__)
app.wsgi_app = KoalaMiddleware(app.wsgi_app, explain=True)  # type: ignore[method-assign]  # as Flask documents it
analytics.write_key = "YOUR_WRITE_KEY"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Flask site</title>
<h1>Flask site</h1>
<form method="post" action="cart"><button>Add to the cart</button></form>
<form method="post" action="receipt"><button>Download the receipt</button></form>
<form method="post" action="order"><button>Place the order</button></form>
"""


@app.get("/")
def home() -> str:
    """Show the buttons."""
    return PAGE


@app.post("/cart")
def cart() -> Response:
    """Track in a view."""
    analytics.track("user-1", "Product Added", {"sku": "mug", "ref": request.args.get("ref")})
    return Response("It is in your cart.\n", mimetype="text/plain")


@app.post("/receipt")
def receipt() -> Response:
    """Track while the body is streamed, after the view has returned."""

    def lines() -> Iterator[str]:
        yield "1 mug\n"
        time.sleep(0.01)  # the database
        analytics.track("user-1", "Receipt Downloaded", {"ref": request.args.get("ref")})
        yield "Thank you!\n"

    return Response(stream_with_context(lines()), mimetype="text/plain")


@app.post("/order")
def order() -> Response:
    """Track when the response is closed, after its last byte is sent."""
    ref = request.args.get("ref")
    response = Response("Thank you!\n", mimetype="text/plain")

    @response.call_on_close
    def completed() -> None:
        analytics.track("user-1", "Order Completed", {"total": 12.5, "ref": ref})

    return response
