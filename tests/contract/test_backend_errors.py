"""The newer agents' client: its failures are translated too. Here because importing it takes seconds."""

import inspect

import pytest

from services.errors import ServiceError
from services.translation import azure_call


def test_no_exception_of_openai_leaks() -> None:
    """Every class it has, told by name: services must not import openai to know its errors."""
    import openai

    found = [
        kind
        for _, kind in inspect.getmembers(openai, inspect.isclass)
        if issubclass(kind, openai.OpenAIError)
    ]

    assert len(found) > 10
    for kind in found:
        exc = kind.__new__(kind)
        exc.args = ("it broke",)
        with pytest.raises(ServiceError) as caught, azure_call("ask", "the model"):
            raise exc
        assert caught.value.message.startswith("Could not ask the model: "), kind
