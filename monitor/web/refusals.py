"""The answers that are no answers: how faults become HTTP, and how the schema tells of them."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import HTTPException
from pydantic import BaseModel, Field

from monitor.alerts.events import VerdictError
from monitor.errors import StoreError

T = TypeVar("T")


class FaultDetail(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="one sentence: the parameter or the file, and what is wrong")


Refusals = dict[int | str, dict[str, Any]]
"""As FastAPI takes them."""


def refusal(status: int, description: str) -> Refusals:
    """One kind of refusal, for the schema."""
    return {status: {"model": FaultDetail, "description": description}}


READING: Refusals = {
    **refusal(401, "There is no token, or a wrong one"),
    **refusal(422, "A parameter is wrong or unknown"),
    **refusal(429, "Too many requests from this address"),
}
STORED: Refusals = {**READING, **refusal(503, "The event store cannot be read or written")}
OPERATED: Refusals = {
    **STORED,
    **refusal(400, "The body is no text"),
    **refusal(403, "The token may view and not operate, or the page is foreign"),
}
UNKNOWN = refusal(404, "There is none with this name or id")
JUDGED: Refusals = {
    **OPERATED,
    **UNKNOWN,
    **refusal(409, "The event is an outage, and nothing to judge"),
}


def stored(ask: Callable[[], T]) -> T:
    """What the store gives.

    Raises:
        HTTPException: 503 where it cannot be read or written, 409 for a verdict on an outage.
    """
    try:
        return ask()
    except VerdictError as error:
        raise HTTPException(409, str(error)) from error
    except StoreError as error:
        raise HTTPException(503, str(error)) from error
