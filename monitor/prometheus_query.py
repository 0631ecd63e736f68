"""One question to Prometheus, with a limit on everything: time, size and what is understood."""

import json
import math
import ssl
import time
from functools import cache
from typing import Any

import httpx

from monitor.errors import EmberwatchError

_LARGEST_ANSWER_BYTES = 1 << 20


class QueryError(EmberwatchError):
    """Prometheus gave no answer to a query; the message says why."""


def query_is_on(url: str, query: str, timeout_seconds: float) -> bool:
    """Whether a query gives a value other than 0.

    Args:
        url: where Prometheus is, such as ``http://127.0.0.1:9090``.
        query: what is asked, at the time of the server.
        timeout_seconds: for the whole answer.

    Raises:
        QueryError: nobody answers in time, or what answers is no result of the query.
    """
    deadline = time.monotonic() + timeout_seconds
    try:
        with httpx.Client(
            verify=_trusted(), timeout=timeout_seconds, trust_env=False
        ) as client, client.stream(
            "GET",
            f"{url.rstrip('/')}/api/v1/query",
            params={"query": query, "timeout": f"{timeout_seconds:g}s"},
        ) as answer:  # fmt: skip
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > _LARGEST_ANSWER_BYTES:
                    raise QueryError("the answer is longer than 1 MB; ask for less")
                if time.monotonic() > deadline:
                    raise QueryError(f"the answer took longer than {timeout_seconds:g} s")
            status = answer.status_code
    except httpx.TimeoutException as error:
        raise QueryError(f"no answer within {timeout_seconds:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise QueryError(str(error) or type(error).__name__) from error
    return _is_on(body, status)


@cache
def _trusted() -> ssl.SSLContext:
    """What a certificate must be signed by. Reading it takes some 60 ms, so it is read once."""
    return httpx.create_ssl_context(trust_env=False)


def _is_on(body: bytes, status: int) -> bool:
    """Whether an answer of Prometheus's API holds a sample other than 0.

    Raises:
        QueryError: it is none.
    """
    try:
        answer: Any = json.loads(body)
        if answer["status"] != "success":
            raise QueryError(f"the query is refused: {str(answer['error'])[:200]}")
        data = answer["data"]
        kind, result = data["resultType"], data["result"]
        if kind == "scalar":
            samples = [result]
        elif kind == "vector":
            samples = [series["value"] for series in result]
        else:
            raise QueryError(f"the query gives a {str(kind)[:20]}; ask for an instant vector")
        values = [float(value) for _, value in samples]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise QueryError(
            f"HTTP {status} and no result of a query; name the address of Prometheus itself"
        ) from error
    return any(value != 0 and not math.isnan(value) for value in values)
