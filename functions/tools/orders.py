"""Where an order is, looked up in data/orders.csv."""

import csv
import functools
import re
from dataclasses import dataclass

from tools.envelope import Arguments, ToolError, shorten, text_argument
from tools.queues import APP_ROOT

ORDERS_FILE = APP_ROOT / "data" / "orders.csv"
_ORDER_ID = re.compile(r"(?:order)?\W*(?:number|no)?\W*a?\W*0*([1-9][0-9]{0,8})\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Order:
    """Days are ISO dates. *expected_on* is None once no delivery is awaited."""

    order_id: str
    product: str
    quantity: int
    state: str
    ordered_on: str
    state_on: str
    expected_on: str | None


def answer(arguments: Arguments) -> str:
    """Return where the order named by the argument order_id is; an unknown order is said to be unknown.

    Raises ToolError when order_id is missing, no text, or cannot be an order id.
    """
    given = text_argument(arguments, "order_id")
    order_id = normalise(given)
    order = orders().get(order_id)
    if order is None:
        return f"There is no order {order_id}. Check the number: order ids look like A-1007."
    return describe(order)


def normalise(given: str) -> str:
    """Return the id as the file writes it: "order #a 1007", "1007" and "A1007" are A-1007. Raises ToolError."""
    match = _ORDER_ID.fullmatch(given.strip()) if len(given) <= 60 else None
    if match is None:
        raise ToolError(f'"{shorten(given, 40)}" is not an order id. An order id looks like A-1007.')
    return f"A-{match[1]}"


def describe(order: Order) -> str:
    """Return *order* in one sentence or two."""
    what = f"Order {order.order_id} ({order.quantity} x {order.product}, ordered on {order.ordered_on})"
    due = f" Delivery is expected on {order.expected_on}." if order.expected_on else ""
    if order.state == "processing":
        return f"{what} is being prepared.{due}"
    if order.state == "delayed":
        return f"{what} is delayed, as of {order.state_on}.{due}"
    return f"{what} was {order.state} on {order.state_on}.{due}"


@functools.cache
def orders() -> dict[str, Order]:
    """Return every order of the file by its id."""
    with ORDERS_FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["order_id"]: Order(
            order_id=row["order_id"],
            product=row["product"],
            quantity=int(row["quantity"]),
            state=row["state"],
            ordered_on=row["ordered_on"],
            state_on=row["state_on"],
            expected_on=row["expected_on"] or None,
        )
        for row in rows
    }
