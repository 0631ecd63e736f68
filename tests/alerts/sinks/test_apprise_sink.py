"""Mail through Apprise, to a real mail server; and what its failures say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.alerts.sinks.apprise_sink import AppriseSink
from monitor.errors import Permanent, Retryable
from tests.support.daemon import free_port
from tests.support.news import notice, over, smoke
from tests.support.sinks import Mails, mail_server


@pytest.fixture(scope="module")
def mail() -> Iterator[tuple[Mails, int]]:
    with mail_server() as found:
        yield found


def sink(port: int, *, attach: bool = True) -> AppriseSink:
    url = f"mailto://127.0.0.1:{port}?from=a@a.example&to=b@b.example&mode=insecure"
    return AppriseSink(url, attach_picture=attach, timeout_seconds=5)


def test_mail_has_the_picture(mail: tuple[Mails, int], tmp_path: Path) -> None:
    mails, port = mail
    picture = tmp_path / "seen.jpg"
    picture.write_bytes(b"\xff\xd8 a picture")
    told = notice(smoke(), picture=picture)
    sink(port).send(told)
    message = mails.received[-1]
    assert message["Subject"] == told.title
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "image/jpeg"
    assert attached.get_payload(decode=True) == picture.read_bytes()
    sink(port, attach=False).send(told)
    assert list(mails.received[-1].iter_attachments()) == []


def test_mail_tells_of_the_end(mail: tuple[Mails, int]) -> None:
    mails, port = mail
    sink(port).send(notice(over(smoke()), "resolved"))
    body = mails.received[-1].get_body(("plain", "html"))
    assert body is not None
    assert "It lasted 60 s" in body.get_content()


def test_server_that_is_not_there_is_worth_a_retry() -> None:
    with pytest.raises(Retryable, match="Apprise could not send it"):
        sink(free_port()).send(notice(smoke()))


def test_picture_that_is_gone_leaves_the_message(mail: tuple[Mails, int], tmp_path: Path) -> None:
    mails, port = mail
    before = len(mails.received)
    sink(port).send(notice(smoke(), picture=tmp_path / "gone.jpg"))
    assert len(mails.received) == before + 1


def test_message_that_fails_with_its_picture_goes_without_it_next(tmp_path: Path) -> None:
    picture = tmp_path / "seen.jpg"
    picture.write_bytes(b"picture")
    port = free_port()
    target, told = sink(port), notice(smoke(), picture=picture)
    with pytest.raises(Retryable):
        target.send(told)
    with mail_server(port) as (mails, _):
        target.send(told)
    assert list(mails.received[-1].iter_attachments()) == []


def test_address_that_nobody_knows_is_refused_without_showing_it() -> None:
    with pytest.raises(Permanent, match="begins with 'bogus:'") as raised:
        AppriseSink("bogus://planted-token", attach_picture=True, timeout_seconds=5)
    assert "planted" not in str(raised.value)


def test_failure_shows_no_token() -> None:
    port = free_port()
    target = AppriseSink(
        f"json://user:planted-word@127.0.0.1:{port}/planted-path?format=text",
        attach_picture=False,
        timeout_seconds=1,
    )
    with pytest.raises(Retryable) as raised:
        target.send(notice(smoke()))
    assert "planted" not in str(raised.value)
