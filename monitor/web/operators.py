"""What a request needs that changes something: the role, a page of ours, and not too many."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from monitor.web.access import Caller
from monitor.web.gate import same_origin
from monitor.web.rate import Buckets, Rate, retry_after

OPERATING = Rate(burst=60, per_second=5)
"""Changes of each client."""


class Operators:
    """Lets callers through who may operate.

    Args:
        monotonic: gives monotonic time, seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._buckets = Buckets(OPERATING, monotonic)
        self.refused = 0
        """How often for want of the role, or to a foreign page."""

    def admit(self, request: Request) -> Caller:
        """The caller.

        Raises:
            HTTPException: 401 without a token, 403 for the wrong role or from a foreign page, 429
                for too many.
        """
        caller = caller_of(request)
        try:
            if not caller.name:
                detail = "this needs a token of the role operate: `Authorization: Bearer TOKEN`"
                raise HTTPException(401, detail, {"www-authenticate": 'Bearer realm="emberwatch"'})
            if not caller.operates:
                detail = f"'{caller.name}' may view and not operate; use a token that may"
                raise HTTPException(403, detail)
            # A cookie goes along with whatever any page in the browser asks for.
            if caller.csrf and not same_origin(list(request.scope["headers"])):
                detail = "a page of another site asked for this; do it on Emberwatch's own pages"
                raise HTTPException(403, detail)
        except HTTPException:
            self.refused += 1
            raise
        wait = self._buckets.take(request.state.client)
        if wait:
            after = retry_after(wait)
            detail = f"too many changes from your address; ask again in {after} s"
            raise HTTPException(429, detail, {"retry-after": after})
        return caller


def caller_of(request: Request) -> Caller:
    """Who asks, as the gate found."""
    caller: Caller = request.state.caller
    return caller


async def operator_of(request: Request) -> Caller:
    """Who asks, and may operate; see :meth:`Operators.admit`. A coroutine: on the loop's thread."""
    operators: Operators = request.app.state.operators
    return operators.admit(request)


Asking = Annotated[Caller, Depends(caller_of)]
"""The parameter of a route that wants to know who asks."""

Operating = Annotated[Caller, Depends(operator_of)]
"""The parameter that every route has which changes something."""
