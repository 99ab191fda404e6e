"""The function tools that agents call through Storage Queues (programming model v2).

A question arrives in azure-function-<tool>-input, its answer leaves by azure-function-<tool>-output. What every
tool shares - envelopes, repeats, limits, faults - lives in tools/answering.py; a function here only names its
queues and what to run. To add a tool, copy one of them (docs/function-tools.md shows the whole change).
"""

import azure.functions as func

from tools import calculate as calculator
from tools import foo as foo_bot
from tools import orders, replies
from tools.answering import answer
from tools.queues import STORAGE

app = func.FunctionApp()


@app.function_name("foo")
@app.queue_trigger("message", queue_name="azure-function-foo-input", connection=STORAGE)
@app.queue_output("reply", queue_name="azure-function-foo-output", connection=STORAGE)
def foo(message: func.QueueMessage, reply: func.Out[str], context: func.Context) -> None:
    """Get answers from the foo bot. Parameters: query, outputqueueuri."""
    answer(message, reply, "foo", foo_bot.answer, route=replies.route, context=context)


@app.function_name("calculate")
@app.queue_trigger("message", queue_name="azure-function-calculate-input", connection=STORAGE)
@app.queue_output("reply", queue_name="azure-function-calculate-output", connection=STORAGE)
def calculate(message: func.QueueMessage, reply: func.Out[str], context: func.Context) -> None:
    """Work out an arithmetic expression exactly. Parameter: expression."""
    answer(message, reply, "calculate", calculator.answer, context=context)


@app.function_name("order_status")
@app.queue_trigger("message", queue_name="azure-function-order-status-input", connection=STORAGE)
@app.queue_output("reply", queue_name="azure-function-order-status-output", connection=STORAGE)
def order_status(message: func.QueueMessage, reply: func.Out[str], context: func.Context) -> None:
    """Say where an order is. Parameter: order_id."""
    answer(message, reply, "order_status", orders.answer, context=context)
