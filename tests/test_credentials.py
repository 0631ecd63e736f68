"""Logins are found where the configuration says, and what is missing is named with its cure."""

import logging
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Config, Credentials
from monitor.credentials import Login, feeds, resolve, secrets_of
from monitor.errors import ConfigError, Problem

KEY = "cameras[0].credentials"


def credentials(**keys: Any) -> Credentials:
    return Credentials.model_validate({"username": "viewer", **keys})


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def config(*cameras: dict[str, Any]) -> Config:
    return Config.model_validate({"cameras": list(cameras)})


def camera(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "url": f"rtsp://{name}/s", **keys}


def test_name_and_password_come_from_the_environment() -> None:
    wanted = Credentials(username_env="NAME", password_env="WORD")
    found = resolve(wanted, KEY, {"NAME": "viewer", "WORD": "hunter22"})
    assert found.login == Login("viewer", "hunter22")
    assert not found.problems
    assert not found.warnings


@pytest.mark.parametrize("content", [b"hunter22", b"hunter22\n", b"hunter22\r\nsecond line\n"])
def test_the_password_is_the_first_line_of_a_file(tmp_path: Path, content: bytes) -> None:
    path = secret_file(tmp_path, content)
    assert resolve(credentials(password_file=path), KEY, {}).login.password == "hunter22"


def test_a_systemd_credential_is_read_from_its_directory(tmp_path: Path) -> None:
    secret_file(tmp_path, b"hunter22\n", 0o444)
    found = resolve(credentials(credential="secret"), KEY, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert found.login.password == "hunter22"
    assert not found.warnings


def test_a_password_in_the_file_itself_is_used() -> None:
    assert resolve(credentials(password="hunter22"), KEY, {}).login.password == "hunter22"


def test_a_user_name_alone_is_a_login() -> None:
    assert resolve(credentials(), KEY, {}).login == Login("viewer", None)


@pytest.mark.parametrize(
    ("keys", "environ", "key", "said"),
    [
        ({"password_env": "WORD"}, {}, "password_env", "WORD is not set; set it"),
        ({"password_env": "WORD"}, {"WORD": ""}, "password_env", "WORD is empty"),
        ({"credential": "dock"}, {}, "credential", "a unit with LoadCredential=dock:"),
        (
            {"credential": "dock"},
            {"CREDENTIALS_DIRECTORY": "/nowhere"},
            "credential",
            "add LoadCredential=dock:",
        ),
        ({"password_file": "/nowhere/x"}, {}, "password_file", "there is no file /nowhere/x"),
        ({"password_file": "/"}, {}, "password_file", "is a folder"),
        ({"password_file": "/dev/zero"}, {}, "password_file", "is a pipe or a device"),
        ({"password_file": "/dev/null/x"}, {}, "password_file", "cannot be read"),
    ],
)
def test_a_missing_secret_is_named_with_its_cure(
    keys: dict[str, str], environ: dict[str, str], key: str, said: str
) -> None:
    (problem,) = resolve(credentials(**keys), KEY, environ).problems
    assert problem.key == f"{KEY}.{key}"
    assert said in problem.message


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty; write the password"), (b"x" * 5000, "longer than 4096 bytes")],
)
def test_a_file_that_holds_no_password_is_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = secret_file(tmp_path, content)
    (problem,) = resolve(credentials(password_file=path), KEY, {}).problems
    assert said in problem.message


@pytest.mark.timeout(10)
def test_a_pipe_as_password_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (problem,) = resolve(credentials(password_file=pipe), KEY, {}).problems
    assert f"{pipe} is a pipe" in problem.message


def test_a_password_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = secret_file(tmp_path, b"\xff\xfe\x00")
    (problem,) = resolve(credentials(password_file=path), KEY, {}).problems
    assert "no UTF-8 text" in problem.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = secret_file(tmp_path, b"hunter22", 0o000)
    (problem,) = resolve(credentials(password_file=path), KEY, {}).problems
    assert "not allowed" in problem.message


def test_a_password_file_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    path = secret_file(tmp_path, b"hunter22", 0o644)
    found = resolve(credentials(password_file=path), KEY, {})
    assert found.login.password == "hunter22"
    assert f"chmod o-r {path}" in found.warnings[0].message


def test_feeds_carry_what_the_workers_must_know() -> None:
    settings = feeds(
        config(
            camera("dock", fps=2, decode="key", credentials={"username": "u", "password_env": "P"}),
            camera("off", enabled=False, credentials={"username": "u", "password_env": "NOT"}),
            {"name": "snap", "url": "https://h/s.jpg", "snapshot": True, "tls_verify": False},
        ),
        environ={"P": "hunter22"},
    )
    assert [entry.camera for entry in settings] == ["dock", "snap"]
    dock, snap = settings
    assert (dock.url, dock.username, dock.password) == ("rtsp://dock/s", "u", "hunter22")
    assert (dock.fps, dock.decode, dock.open_timeout_seconds) == (2.0, "key", 10.0)
    assert (snap.username, snap.password, snap.snapshot) == (None, None, True)
    assert (dock.tls_verify, snap.tls_verify) == (True, False)
    assert secrets_of(settings) == ("hunter22",)
    assert "hunter22" not in repr(settings)


def test_feeds_name_all_missing_secrets_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        feeds(
            config(
                camera("a", credentials={"username": "u", "password_env": "ONE"}),
                camera("b"),
                camera("c", credentials={"username_env": "TWO", "password_env": "THREE"}),
            ),
            environ={},
        )
    assert [problem.key for problem in caught.value.problems] == [
        "cameras[0].credentials.password_env",
        "cameras[2].credentials.username_env",
        "cameras[2].credentials.password_env",
    ]
    assert str(caught.value).count("\n") == 2


def test_feeds_hand_on_warnings(tmp_path: Path) -> None:
    path = secret_file(tmp_path, b"hunter22", 0o644)
    told: list[Problem] = []
    feeds(
        config(camera("a", credentials={"username": "u", "password_file": str(path)})),
        environ={},
        warn=told.append,
    )
    assert [warning.key for warning in told] == ["cameras[0].credentials.password_file"]


@given(st.text(st.characters(exclude_characters="\r\n\ufeff", codec="utf-8"), min_size=1))
def test_any_password_survives_the_way_through_a_file(
    tmp_path_factory: pytest.TempPathFactory, password: str
) -> None:
    path = secret_file(tmp_path_factory.getbasetemp(), password.encode() + b"\n")
    assert resolve(credentials(password_file=path), KEY, {}).login.password == password


def test_nothing_that_is_made_of_a_login_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    found = resolve(credentials(password="hunter22"), KEY, {})
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %r", found, found.login)
    assert "hunter22" not in caplog.text
