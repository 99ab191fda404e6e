"""The function tools: what agents can have done by the function app. One entry a tool.

To add one: write the function in functions/function_app.py, with queues named `azure-function-<name>-input` and
`-output`, and add an entry here. The connected agent that carries it, its queues' bindings and its place in the
team follow from the entry; a test compares both sides.

*agent_instructions* may hold {output_queue_uri}: the full address of the tool's own output queue.
"""

from services.models import FunctionTool

OUTPUT_QUEUE_URI = "{output_queue_uri}"

CATALOGUE: tuple[FunctionTool, ...] = (
    FunctionTool(
        name="foo",
        description="Get answers from the foo bot.",
        parameters={
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "The question to ask."},
                "outputqueueuri": {"type": "string", "description": "The full output queue URI."},
            },
            "required": ["query"],
        },
        agent="foo_bot",
        agent_description="Knows what foo would say. Ask it whenever a question is about foo or about what foo would say.",
        agent_instructions=(
            "You are a helpful support agent who speaks for foo. Use the provided function foo any time the prompt "
            "asks what foo would say; pass the question on in your own words as its query. When you invoke the "
            f"function, ALWAYS specify the output queue URI parameter as '{OUTPUT_QUEUE_URI}'. Always responds "
            'with "Foo says" and then the response from the tool.'
        ),
        examples=("What would foo say about the most prevalent element in the universe?",),
    ),
    FunctionTool(
        name="calculate",
        description="Calculate the exact value of an arithmetic expression.",
        parameters={
            "type": "object",
            "properties": {
                "expression": {
                    "type": "string",
                    "description": "The expression in plain arithmetic: numbers, + - * / % **, parentheses, "
                    "sqrt, abs, round, min and max. Example: (12.5 + 7) * 3",
                }
            },
            "required": ["expression"],
        },
        agent="calculator",
        agent_description="Calculates. Ask it for the result of any sum, product, percentage or other arithmetic.",
        agent_instructions=(
            "You calculate. Turn what you are asked into one arithmetic expression of numbers, + - * / % ** and "
            "parentheses, and call the function calculate with it; never work a result out yourself. Answer with "
            "the expression and the value that the function returned, digit for digit. Pass an error that the "
            "function returns on in its own words."
        ),
        examples=("What is (12.5 + 7) * 3?",),
    ),
    FunctionTool(
        name="order_status",
        description="Look up the status of an order by its number.",
        parameters={
            "type": "object",
            "properties": {
                "order_id": {
                    "type": "string",
                    "description": "The order number as written on the order, such as A-1001.",
                }
            },
            "required": ["order_id"],
        },
        agent="order_desk",
        agent_description="Knows the orders. Ask it where an order is, whether it was shipped, or when it arrives.",
        agent_instructions=(
            "You are the order desk. For every question about an order, call the function order_status and pass it "
            "the order number exactly as it is written in the question. Answer in one or two sentences with what "
            "the function returned. Never invent an order or its status. If the question holds no order number, "
            'answer with "Which order is it? Please give its number, such as A-1001."'
        ),
        examples=("Where is order A-1001?",),
    ),
)


def instructions_for(tool: FunctionTool, storage_endpoint: str) -> str:
    """Return the instructions of the connected agent that carries *tool*."""
    address = f"{storage_endpoint}/{tool.output_queue}"
    return tool.agent_instructions.replace(OUTPUT_QUEUE_URI, address)
