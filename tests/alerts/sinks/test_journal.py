"""Entries of the journal, as its socket gets them."""

import socket
import struct
from pathlib import Path

import pytest

from monitor.alerts.sinks.journal import JournalSink
from monitor.errors import Retryable
from tests.support.news import notice, over, smoke


def parsed(entry: bytes) -> dict[str, str]:
    """The fields of an entry in the native protocol."""
    found, rest = {}, entry
    while rest:
        line, _, rest = rest.partition(b"\n")
        key, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + length], rest[9 + length :]
        found[key.decode()] = value.decode()
    return found


def test_each_fact_is_a_field(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(path))
        sink = JournalSink(path)
        sink.send(notice(smoke(site="two\nlines")))
        fields = parsed(journal.recv(65536))
        sink.send(notice(over(smoke()), "resolved"))
        ended = parsed(journal.recv(65536))
    assert fields["MESSAGE"] == "Smoke at dock (two\nlines)"
    assert (fields["PRIORITY"], ended["PRIORITY"]) == ("2", "5")
    assert (fields["EMBERWATCH_CAMERA"], fields["EMBERWATCH_SITE"]) == ("dock", "two\nlines")
    assert (fields["EMBERWATCH_KIND"], ended["EMBERWATCH_KIND"]) == ("firing", "resolved")
    assert fields["EMBERWATCH_KEY"] == "key-firing"


def test_missing_journal_is_worth_a_retry(tmp_path: Path) -> None:
    with pytest.raises(Retryable, match="no entry can be written"):
        JournalSink(tmp_path / "none").send(notice(smoke()))
