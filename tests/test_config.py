"""The settings' classes: what they take, what they refuse, and what they never show."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.check import schema_text
from monitor.config import (
    Camera,
    Config,
    Credentials,
    Section,
    parse_duration,
    parse_listen,
    without_userinfo,
)
from monitor.config_file import load_config
from monitor.share import shared_path

SMALLEST = """
listen: 127.0.0.1:9108
state_dir: /var/lib/emberwatch
cameras:
  - {name: loading-dock, url: "rtsp://10.0.4.17/stream2"}
  - {name: archive, url: "file:/srv/clip.mp4", loop: true}
"""

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - what an address without a host means

COMMENTED = re.compile(
    r"( +)# ( *)((?:- name|credentials|username|password_file|tiles|rows|columns|overlap|threshold"
    r"|masks|polygon|labels|zones|tls|certificate|key|tokens|role|token_file):.*)"
)
"""Keys of the example that stand behind a # and can be used together."""

SECRET = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=20).map(
    lambda text: f"S{text}"
)


def camera(**values: Any) -> Camera:
    return Camera.model_validate({"name": "dock", "url": "rtsp://10.0.4.17/s", **values})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("1m30s", 90.0), ("500ms", 0.5), (" 1h ", 3600.0), ("1d", 86400.0)],
)
def test_durations_are_read_as_prometheus_writes_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "30 s", "1x", "-3s", "1m30", "ms500"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 30s"):
        parse_duration(text)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, secs: int, ms: int) -> None:
    expected = hours * 3600 + minutes * 60 + secs + ms / 1000
    assert parse_duration(f"{hours}h{minutes}m{secs}s{ms}ms") == pytest.approx(expected)


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        seconds = str(error)
    assert isinstance(seconds, float) or "is no duration" in str(seconds)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9108", ("127.0.0.1", 9108)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9108", ("::1", 9108)),
        (":9108", (ANY_ADDRESS, 9108)),
    ],
)
def test_listen_addresses_are_taken_apart(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text", ["", "9108", "127.0.0.1", "127.0.0.1:", "::1:9108", "host:65536", "a b:1", "x:-1"]
)
def test_a_listen_address_without_port_or_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("write it like 127.0.0.1:9108")):
        parse_listen(text)


@given(st.text(max_size=30))
def test_any_text_is_a_listen_address_or_refused(text: str) -> None:
    try:
        host, port = parse_listen(text)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65535


def test_a_login_in_the_url_moves_to_the_credentials() -> None:
    found = camera(url="rtsp://adm%40in:p%2Fw@10.0.4.17:554/s?a=b")
    assert found.url == "rtsp://10.0.4.17:554/s?a=b"
    assert found.credentials is not None
    assert found.credentials.username == "adm@in"
    assert found.credentials.password is not None
    assert found.credentials.password.get_secret_value() == "p/w"


def test_a_login_in_the_url_and_under_credentials_is_refused() -> None:
    with pytest.raises(ValidationError, match="the URL names a user as well"):
        camera(url="rtsp://u:p@10.0.4.17/s", credentials={"username": "u"})


@given(SECRET.map("A{}".format), SECRET.map("B{}".format))
def test_no_repr_and_no_dump_of_the_settings_shows_a_secret(first: str, second: str) -> None:
    config = Config(
        cameras=[
            camera(url=f"rtsp://viewer:{first}@10.0.4.17/s"),
            camera(name="b", credentials={"username": "viewer", "password": first}),
            camera(name="c", url=f"http://10.0.4.17/snap.jpg?user=x&pwd={second}"),
        ]
    )
    for text in (repr(config), str(config), f"{config.cameras}"):
        assert first not in text
        assert second not in text
    assert first not in config.model_dump_json()


@given(st.text(min_size=1, max_size=60))
def test_faults_of_a_url_never_repeat_it(text: str) -> None:
    secret = "hunter2hunter2"
    said = ""
    try:
        camera(url=f"rtsp://admin:{secret}{text}@10.0.4.17/s")
    except ValidationError as error:
        said = str(error)
    assert secret not in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/x", "cannot begin with 'ftp:'"),
        ("rtsp:///stream", "names no host"),
        ("http://[::1/x", "cannot be taken apart"),
        ("rtsp://admin:pass/word@10.0.4.17/s", "special characters"),
        ("rtsp://admin:12/34@10.0.4.17/s", "percent-encode"),
        ("http://admin:12?34@cam.local/s", "percent-encode"),
        ("rtsp://admin:1/2/3@10.0.4.17/s", "percent-encode"),
        ("v4l2:video0", "names no device"),
        ("file:", "names no file"),
        ("file://server/clip.mp4", "another host"),
        ("  ", "is empty"),
    ],
)
def test_a_url_that_cannot_work_is_refused_with_the_reason(url: str, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        camera(url=url)


@pytest.mark.parametrize(
    "url",
    ["rtsp://10.0.4.17:554/cam@2", "http://cam.local/a@b/c@d?user=a@b", "http://cam:80/x?m=a@b",
     "http://cam:80/live/cam%402"],
)  # fmt: skip
def test_an_at_sign_that_belongs_to_the_path_stays(url: str) -> None:
    assert camera(url=url).url == url


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"username": "u", "password": "p", "password_env": "P"}, "keep one of them"),
        ({"username": "u", "username_env": "U"}, "keep one"),
        ({"password_env": "P"}, "add username"),
        ({}, "add username"),
    ],
)
def test_credentials_have_one_name_and_one_password(keys: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Credentials.model_validate(keys)


def test_a_systemd_credential_cannot_name_a_path() -> None:
    with pytest.raises(ValidationError):
        Credentials(username="u", credential="../../etc/shadow")


def test_true_is_not_taken_for_the_number_one() -> None:
    with pytest.raises(ValidationError, match="where a number belongs"):
        camera(fps=True)


def test_settings_cannot_be_changed_after_loading() -> None:
    with pytest.raises(ValidationError):
        setattr(camera(), "fps", 2.0)  # noqa: B010 - mypy would refuse the assignment


def test_a_url_without_login_stays_as_it_is() -> None:
    for url in ("rtsp://10.0.4.17/a@b", "file:/srv/a@b.mp4", "clips/user:x@y.mp4"):
        assert without_userinfo(url) == (url, None, None)


@pytest.mark.parametrize("name", ["smallest", "monitor.yaml"])
def test_examples_are_valid_by_the_schema_that_editors_use(name: str) -> None:
    text = SMALLEST if name == "smallest" else shared_path("config", name).read_text("utf-8")
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(text), schema)


@pytest.mark.parametrize(
    "entry",
    [{"fps": 0}, {"fsp": 1}, {"stale_after": 0}, {"stale_after": "10x"}, {"decode": "fast"}],
)
def test_the_schema_refuses_what_the_loader_refuses(entry: dict[str, object]) -> None:
    data = {"cameras": [{"name": "dock", "url": "rtsp://10.0.4.17/s", **entry}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(schema_text()))
    with pytest.raises(ValidationError):
        Config.model_validate(data)


def test_every_key_has_a_description_for_editors() -> None:
    schema = json.loads(schema_text())
    sections = {"Config": schema, **schema["$defs"]}

    def described(value: dict[str, str]) -> object:
        return sections[value["$ref"].rsplit("/", 1)[-1]].get("description")

    bare = [
        f"{section}.{key}"
        for section, part in sections.items()
        for key, value in part["properties"].items()
        if not (value.get("description") or described(value))
    ]
    assert not bare


def test_the_example_configuration_mentions_every_key() -> None:
    text = shared_path("config", "monitor.yaml").read_text("utf-8")
    # On a line of its own, commented or not, or within braces.
    mentioned = set(re.findall(r"(?:^\s*(?:#\s+)*(?:- )?|[{,]\s*)([a-z_]+):", text, re.MULTILINE))
    schema = json.loads(schema_text())
    keys = {key for part in (schema, *schema["$defs"].values()) for key in part["properties"]}
    assert keys - mentioned == set()


def test_the_example_configuration_shows_the_defaults() -> None:
    config = load_config(shared_path("config", "monitor.yaml"))
    plain = Config(cameras=config.cameras)
    for name in Config.model_fields:
        assert getattr(config, name) == getattr(plain, name), name
    shown = config.cameras[0]
    bare = Camera(name=shown.name, url=shown.url, rules=["fire", "smoke"])
    assert shown == bare


def test_commented_keys_of_the_example_are_valid_too(tmp_path: Path) -> None:
    lines = []
    for line in shared_path("config", "monitor.yaml").read_text("utf-8").splitlines():
        key = COMMENTED.match(line)
        lines.append(f"{key[1]}{key[2]}{key[3]}" if key else line)
    file = tmp_path / "monitor.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    config = load_config(file)
    found = config.cameras[0]
    assert config.web.tls is not None
    assert [(token.name, token.role) for token in config.web.tokens] == [("night-shift", "operate")]
    assert found.tiles is not None
    assert (found.masks[0].name, found.zones[0].name) == ("furnace", "far-gate")
    assert found.credentials is not None
    assert found.credentials.password_file == tmp_path / "dock-password"


def test_every_section_refuses_unknown_keys() -> None:
    def sections(base: type[Section]) -> list[type[Section]]:
        return [c for sub in base.__subclasses__() for c in (sub, *sections(sub))]

    for section in sections(Section):
        assert section.model_config.get("extra") == "forbid", section


@pytest.mark.parametrize(
    "camera",
    [
        {"url": "rtsp://10.0.4.17/" + "x" * 2048},
        {"url": "rtsp://10.0.4.17/", "credentials": {"username": "u" * 257}},
        {"url": "rtsp://10.0.4.17/", "credentials": {"username": "u", "password": "p" * 4097}},
    ],
    ids=["url", "username", "password"],
)
def test_what_is_too_long_for_a_worker_to_be_told_is_refused(camera: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="at most"):
        Camera.model_validate({"name": "yard", **camera})


def test_two_tokens_of_one_name_are_refused() -> None:
    tokens = [{"name": "night", "role": role, "token_env": role} for role in ("view", "operate")]
    with pytest.raises(ValidationError, match="'night' is the name of two tokens"):
        Config.model_validate({"cameras": [], "web": {"tokens": tokens}})
