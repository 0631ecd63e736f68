"""The API against its own schema: whatever is sent, there is an answer, and it is no fault."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Err

from monitor.web.live_routes import LIVE_PATH
from monitor.web.settings import WebSettings
from tests.support.web_site import OPERATOR, Site, authorized, incident, record, tokens, web_site
from tests.support.web_states import WALL, FixedState, camera, snapshot

EXAMPLES = 4
"""Of each operation."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("site")
    state = FixedState(snapshot(camera("yard")))
    with web_site(folder, state=state, settings=WebSettings(tokens=tokens())) as site:
        record(site.keeper, incident("yard", WALL))
        yield site


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=20) as client:
        yield client


def test_no_request_that_the_schema_allows_or_refuses_is_a_fault(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = httpx.get(f"{site.url}/openapi.json", timeout=20).json()
    described["paths"].pop(LIVE_PATH)  # its answer never ends
    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=site.url)
    sent = 0

    def send(case: schemathesis.Case[Any]) -> None:
        nonlocal sent
        asked = case.as_transport_kwargs(base_url=site.url)
        asked = {key: asked[key] for key in ("method", "url", "params", "json", "data", "headers")
                 if key in asked}  # fmt: skip
        if "data" in asked:
            asked["content"] = asked.pop("data")
        headers = {**(asked.pop("headers", None) or {}), **authorized(OPERATOR)}
        try:
            request = client.build_request(**asked, headers=headers)
        except (UnicodeError, ValueError, TypeError, httpx.InvalidURL):
            return  # nothing that HTTP could carry
        answer = client.send(request)
        sent += 1
        assert answer.status_code < 500, f"{case.method} {request.url}: {answer.text}"
        operation = described["paths"][case.path][case.method.lower()]
        known = set(operation["responses"])
        # 404, 405 and 421 are for what leads to no operation at all, as a path with a slash in it.
        assert str(answer.status_code) in known | {"404", "405", "421"}, answer.status_code

    monkeypatch.setattr(
        type(site.server.app.operators._buckets), "take", lambda _buckets, _client: 0.0
    )
    for found in schema.get_all_operations():
        assert not isinstance(found, Err)
        operation = found.ok()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(generation_mode=mode)
            checked = settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(given(case=strategy)(send))
            with suppress(Unsatisfiable):  # without parameters there is nothing to get wrong
                checked()
    assert sent > 40


def test_a_body_that_is_no_text_is_refused_as_the_schema_says(
    site: Site, client: httpx.Client
) -> None:
    headers = {**authorized(OPERATOR), "content-type": "application/json"}
    answer = client.post("/api/v1/silences", content=b"\xcf_\x95", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    described = client.get("/openapi.json").json()["paths"]["/api/v1/silences"]["post"]
    assert "400" in described["responses"]
