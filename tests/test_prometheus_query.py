"""One question to Prometheus: what counts as on, and what as no answer."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from monitor.prometheus_query import QueryError, query_is_on


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A server that gives one answer to everybody: its address, and the queries that came."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(parse_qs(urlsplit(self.path).query)["query"][0])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def vector(*values: str) -> bytes:
    result = [{"metric": {"line": str(i)}, "value": [1.0, v]} for i, v in enumerate(values)]
    return success("vector", result)


def success(kind: str, result: Any) -> bytes:
    return json.dumps(
        {"status": "success", "data": {"resultType": kind, "result": result}}
    ).encode()


def ask(body: bytes, status: int = 200) -> bool:
    with answering(body, status) as (url, _):
        return query_is_on(url, "up", 5.0)


@pytest.mark.parametrize(
    ("body", "on"),
    [
        (vector(), False),
        (vector("0"), False),
        (vector("1"), True),
        (vector("0", "3.5"), True),
        (vector("NaN"), False),
        (success("scalar", [1.0, "1"]), True),
        (success("scalar", [1.0, "0"]), False),
    ],
)
def test_it_is_on_while_a_value_is_not_zero(body: bytes, on: bool) -> None:
    assert ask(body) is on


def test_the_query_is_asked_as_it_is_written() -> None:
    with answering(vector()) as (url, asked):
        query_is_on(f"{url}/", 'welding{line="a&b"} == 1', 5.0)
    assert asked == ['welding{line="a&b"} == 1']


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html>", 200, "no result of a query"),
        (b"[" * 100_000, 200, "no result of a query"),
        (b"{}", 200, "no result of a query"),
        (success("vector", [{"value": 3}]), 200, "no result of a query"),
        (success("matrix", []), 200, "ask for an instant vector"),
        (b'{"status":"error","error":"parse error"}', 400, "parse error"),
        (b"x" * (2 << 20), 200, "longer than 1 MB"),
    ],
)
def test_what_is_no_answer_is_an_error(body: bytes, status: int, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        ask(body, status)


def test_nobody_there_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(QueryError):
            query_is_on(f"http://127.0.0.1:{port}", "up", 5.0)


def test_a_server_that_keeps_silent_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(QueryError, match=r"no answer within 0\.2 s"):
            query_is_on(f"http://127.0.0.1:{port}", "up", 0.2)
