"""The tool order_status: looks an order up, and says so when there is none."""

import pytest

from tools.envelope import ToolError
from tools.orders import answer, describe, orders


@pytest.mark.parametrize(
    "given",
    [
        "A-1007",
        "a-1007",
        "A1007",
        "a 1007",
        "1007",
        "#1007",
        "order A-1007",
        "Order no. A-1007.",
        " A-01007 ",
    ],
)
def test_an_order_is_found_however_its_id_is_written(given: str) -> None:
    """People drop the hyphen, models add words."""
    assert answer({"order_id": given}) == (
        "Order A-1007 (4 x Cork yoga block, ordered on 2026-11-12) was shipped on 2026-11-18. "
        "Delivery is expected on 2026-11-25."
    )


def test_an_unknown_order_is_said_to_be_unknown() -> None:
    """It is an answer, not a failure: the agent passes it on."""
    assert (
        answer({"order_id": "A-9999"})
        == "There is no order A-9999. Check the number: order ids look like A-1007."
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "order_id is missing"),
        ({"order_id": 1007}, "must be text, not a number"),
        ({"order_id": ""}, "order_id is empty"),
        ({"order_id": "lamp"}, '"lamp" is not an order id'),
        ({"order_id": "A-0"}, "not an order id"),
        ({"order_id": "A-1007; A-1008"}, "not an order id"),
        ({"order_id": "A-" + "1" * 5000}, "not an order id"),
        ({"order_id": "=cmd|' /C calc'!A0\x00"}, "not an order id"),
    ],
    ids=["absent", "number", "empty", "word", "zero", "two", "long", "hostile"],
)
def test_what_cannot_be_an_id_is_refused_with_an_example(arguments: dict[str, object], error: str) -> None:
    """The example tells the model what to send instead."""
    with pytest.raises(ToolError, match=error):
        answer(arguments)


def test_every_order_of_the_file_reads_as_a_sentence() -> None:
    """Forty orders in every state; none may miss a date that its sentence needs."""
    assert len(orders()) == 40
    assert {order.state for order in orders().values()} == {
        "delivered", "shipped", "processing", "delayed", "cancelled", "returned",
    }  # fmt: skip
    for order in orders().values():
        assert (order.expected_on is not None) == (order.state in ("shipped", "processing", "delayed"))
        assert describe(order).endswith(".")
