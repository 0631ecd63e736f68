"""The file loader: every fault at once, each with line, key and cure; never a traceback."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.config import Config, Inference
from monitor.config_file import load_config, read_draft
from monitor.errors import ConfigError, Problem
from monitor.yaml_marks import MAX_BYTES, MAX_DEPTH, key_text, location_of

Write = Callable[[str], Path]

CAMERA = '- {name: dock, url: "rtsp://10.0.4.17/s"}\n'
ONE = f"cameras:\n  {CAMERA}"

any_file = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes text to a configuration file, which others cannot read, and gives its path."""

    def write_text(text: str) -> Path:
        path = tmp_path / "monitor.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        path.chmod(0o600)
        return path

    return write_text


def problems(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems
    return caught.value.problems


def only(path: Path) -> Problem:
    (problem,) = problems(path)
    return problem


def test_the_smallest_configuration_gets_all_defaults(write: Write) -> None:
    config = load_config(
        write(
            "listen: 127.0.0.1:9108\nstate_dir: /var/lib/emberwatch\ncameras:\n"
            '  - {name: loading-dock, url: "rtsp://10.0.4.17/stream2"}\n'
            '  - {name: archive, url: "file:/srv/clip.mp4", loop: true}\n'
        )
    )
    assert [camera.fps for camera in config.cameras] == [1.0, 1.0]
    assert [(rule.name, rule.label) for rule in config.rules] == [
        ("fire", "fire"),
        ("smoke", "smoke"),
    ]
    assert config.inference.bundle == "default"


def test_all_faults_are_told_at_once_in_the_order_of_the_file(write: Write) -> None:
    path = write(
        "listen: 9108\n"
        "cameras:\n"
        "  - name: dock\n"
        '    url: "rtsp://10.0.4.17/s"\n'
        "    fps: 99\n"
        "    fsp: 2\n"
        "  - name: dock\n"
        "    url: ftp://10.0.4.17/s\n"
        "    stale_after: soon\n"
        "    rules: [fyre]\n"
        "log: {level: loud}\n"
    )
    assert [(problem.line, problem.key) for problem in problems(path)] == [
        (1, "listen"),
        (5, "cameras[0].fps"),
        (6, "cameras[0].fsp"),
        (7, "cameras[1].name"),
        (8, "cameras[1].url"),
        (9, "cameras[1].stale_after"),
        (10, "cameras[1].rules[0]"),
        (11, "log.level"),
    ]


def test_the_message_has_a_line_for_each_fault_as_compilers_write_them(write: Write) -> None:
    path = write(ONE + "log: {level: loud, formt: json}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).splitlines() == [
        f"{path}:3: log.level: 'loud' was found; write debug or info or warning or error",
        f"{path}:3: log.formt: this key is unknown; did you mean 'format'?",
    ]


@pytest.mark.parametrize(
    ("text", "key", "line", "said"),
    [
        ("cameras: []", "cameras", 1, "an empty list was found; write a list with at least one"),
        ("listen: 127.0.0.1:9108", "cameras", 1, "this key is missing; add 'cameras: …'"),
        (f"{ONE}engine: openvino", "engine", 3, "it belongs under 'inference'"),
        (f"{ONE}colour: red", "colour", 3, "known here are listen, state_dir, cameras"),
        (f"{ONE}log:", "log", 3, "nothing was found; write a section with the keys level"),
        (f"{ONE}listen: 9108", "listen", 3, "write text like '127.0.0.1:9108'"),
        (f"{ONE}listen: somewhere", "listen", 3, "write it like 127.0.0.1:9108"),
        (f"{ONE}inference: {{threads: -1}}", "inference.threads", 3, "at least 0 and at most 256"),
        (
            f"{ONE}inference: {{threads: 1.5}}",
            "inference.threads",
            3,
            "1.5 was found; write a whol",
        ),
        (f"{ONE}rules: fire", "rules", 3, "'fire' was found; write a list"),
        (
            f"{ONE}ingest: {{open_timeout: 0}}",
            "ingest.open_timeout",
            3,
            "above 0 and at most 7 day",
        ),
        (f"{ONE}ingest: {{open_timeout: .inf}}", "ingest.open_timeout", 3, "a duration like 30s"),
        (f"{ONE}  - dock", "cameras[1]", 3, "'dock' was found; write a section with the keys name"),
        (
            f"{ONE}  - {{name: no, url: x}}",
            "cameras[1].name",
            3,
            "no, which YAML takes for false, was found; put it in quotes",
        ),
        (
            f"{ONE}  - {{name: 007, url: x}}",
            "cameras[1].name",
            3,
            "007, which YAML takes for a number, was found; put it in quotes",
        ),
        (f"{ONE}  - {{name: a b, url: x}}", "cameras[1].name", 3, "a name of letters, digits"),
        (f"{ONE}  - {{name: b, url: x, fps: yes}}", "cameras[1].fps", 3, "where a number belongs"),
        (f"{ONE}  - {{name: b, url: x, loop: 3}}", "cameras[1].loop", 3, "write true or false"),
        (f"{ONE}  - {{name: b}}", "cameras[1].url", 3, "this key is missing; add 'url: …'"),
        (
            f"{ONE}  - {{name: b, url: {'x' * 2049}}}",
            "cameras[1].url",
            3,
            "was found, longer than 2048 characters; shorten it",
        ),
        (f"{ONE}1: 2", "1", 3, "this key is unknown"),
        (f"{ONE}listen: [a, b]", "listen", 3, "a list was found"),
    ],
)
def test_each_fault_names_key_line_and_cure(
    write: Write, text: str, key: str, line: int, said: str
) -> None:
    problem = only(write(text))
    assert (problem.key, problem.line) == (key, line)
    assert said in problem.message


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("- a\n- b\n", 1, "a list was found where keys and values belong"),
        ("just text", 1, "plain text was found where keys and values belong"),
        ("cameras:\n\t- name: dock\n", 2, "a tab was found"),
        ("a: b: c", 1, "a second ': ' was found on one line"),
        ("a: [1, 2\nb: 3\n", 1, "the bracket that opens here is never closed"),
        ('a: "never closed\n', 1, "the quote that begins here is never closed"),
        ('a: "\\d"\n', 1, "use single quotes"),
        ("a: *nowhere\n", 1, "an alias (*NAME) has no anchor (&NAME) before it"),
        ("a: 1\n---\nb: 2\n", 2, "a second '---' was found"),
        ("a: 1\n  b: 2\n", 2, "the indentation is wrong"),
        ("a: @home\n", 1, "text that begins with @ must stand in quotes"),
        ("a: b\x07\n", 1, "a control character (code 7) was found"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "the tag"),
        ("a: !secret x\n", 1, "the tag !secret is not used here"),
        (f"{ONE}log: {{}}\nlog: {{}}\n", 4, "the key stands here twice, first in line 3"),
        ("? [a, b]\n: c\n", 1, "a key must be a word"),
        ("a: !!int twelve\n", 1, "put quotes around it"),
        (f"a: {'9' * 5000}\n", 1, "put quotes around it"),
        ('a: "\\0"\n', 1, "characters that are no text"),
        ('"\\ud800": 1\n', 1, "characters that are no text"),
        ("<<: 3\n", 1, "only sections can be merged"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(
    write: Write, text: str, line: int, said: str
) -> None:
    first = problems(write(text))[0]
    assert first.line == line
    assert said in first.message


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42\xff\xfe" * 100)
    assert "no UTF-8 text" in only(path).message


def test_a_huge_file_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES * 1000)
    assert "larger than 1,000,000 bytes" in only(path).message


@pytest.mark.timeout(10)
def test_a_device_and_a_pipe_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe"):
        assert "a pipe or a device" in only(path).message


def test_a_missing_file_a_folder_and_a_bad_path_are_told_apart(tmp_path: Path) -> None:
    assert "there is no such file" in only(tmp_path / "none.yaml").message
    assert "this is a folder" in only(tmp_path).message
    assert "cannot be read" in only(Path("a\0b")).message
    assert "cannot be read" in only(tmp_path / ("x" * 300)).message


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(write: Write, bracket: str) -> None:
    path = write("cameras: " * (bracket != "- ") + bracket * 5000)
    assert f"more than {MAX_DEPTH} levels" in only(path).message


def test_an_alias_bomb_is_refused(write: Write) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 15)]
    assert "aliases (*NAME) repeat" in only(write("\n".join(lines))).message


def test_an_alias_to_itself_is_refused(write: Write) -> None:
    assert "aliases (*NAME) repeat" in only(write("a: &a [*a]")).message


def test_anchors_and_merge_keys_share_settings_between_cameras(write: Write) -> None:
    config = load_config(
        write(
            "cameras:\n"
            "  - &first\n"
            "    name: dock\n"
            "    url: rtsp://10.0.4.17/s\n"
            "    fps: 2\n"
            "  - <<: *first\n"
            "    name: yard\n"
            "    url: rtsp://10.0.4.18/s\n"
        )
    )
    assert [(camera.name, camera.fps) for camera in config.cameras] == [("dock", 2), ("yard", 2)]


def test_dates_are_text(write: Write) -> None:
    config = load_config(write('cameras: [{name: 2026-03-01, url: "rtsp://10.0.4.17/s"}]'))
    assert config.cameras[0].name == "2026-03-01"


def test_a_byte_order_mark_is_no_fault(write: Write) -> None:
    assert load_config(write("\ufeff" + ONE)).cameras[0].name == "dock"


def test_relative_paths_start_at_the_folder_of_the_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        "state_dir: state\n"
        "inference: {bundle: models/mine}\n"
        "cameras:\n"
        "  - {name: a, url: clips/a.mp4}\n"
        "  - {name: b, url: 'file:clips/b%20b.mp4'}\n"
        "  - {name: c, url: 'file:/srv/c.mp4'}\n"
        "  - {name: d, url: 'rtsp://h/s', credentials: {username: u, password_file: secret}}\n"
    )
    monkeypatch.chdir(tmp_path)
    config = load_config(Path(path.name))
    assert config.state_dir == tmp_path / "state"
    assert config.inference.bundle == str(tmp_path / "models/mine")
    assert [camera.url for camera in config.cameras] == [
        str(tmp_path / "clips/a.mp4"),
        f"file:{tmp_path}/clips/b%20b.mp4",
        "file:/srv/c.mp4",
        "rtsp://h/s",
    ]
    assert config.cameras[3].credentials is not None
    assert config.cameras[3].credentials.password_file == tmp_path / "secret"


def warnings(path: Path) -> list[Problem]:
    told: list[Problem] = []
    load_config(path, told.append)
    return told


@pytest.mark.parametrize(
    ("text", "key", "line", "said"),
    [
        (
            'cameras: [{name: a, url: "rtsp://u:hunter22@h/s"}]',
            "cameras[0].url",
            1,
            "a login stands in the URL",
        ),
        (f"{ONE}  {CAMERA.replace('dock', 'b')}", "cameras[1].url", 3, "has the same URL"),
        ('cameras: [{name: a, url: "rtsp://h", rules: []}]', "cameras[0].rules", 1, "has no rule"),
        ('cameras: [{name: a, url: "rtsp://h", fps: 0.05}]', "cameras[0].stale_after", 1, "raise"),
        ('cameras: [{name: a, url: "rtsp://h", enabled: no}]', "cameras", 1, "nothing is watched"),
        (
            'cameras: [{name: a, url: "rtsp://h",\n'
            "  masks: [{name: m, polygon: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}],\n"
            "  zones: [{name: z, polygon: [[0.1, 0.1], [0.4, 0.1], [0.2, 0.5]]}]}]",
            "cameras[0].zones[0]",
            3,
            "zone 'z' of camera 'a' lies under its masks",
        ),
    ],
)
def test_what_was_probably_not_meant_is_a_warning(
    write: Write, text: str, key: str, line: int, said: str
) -> None:
    told = warnings(write(text))
    assert (told[0].key, told[0].line) == (key, line)
    assert said in told[0].message
    assert "hunter22" not in str(told)


def test_a_rule_that_no_camera_uses_is_a_warning(write: Write) -> None:
    text = (
        'cameras: [{name: a, url: "rtsp://h/s", rules: [hot]}]\n'
        "rules:\n"
        "  - {name: hot, label: fire, threshold: 0.5}\n"
        "  - {name: grey, label: smoke, threshold: 0.5}\n"
    )
    (told,) = warnings(write(text))
    assert told.line == 4
    assert "no enabled camera uses the rule 'grey'" in told.message


def test_a_password_in_a_file_for_everybody_is_a_warning(write: Write) -> None:
    path = write('cameras: [{name: a, url: "rtsp://h", credentials: {username: u, password: p}}]')
    assert warnings(path) == []
    path.chmod(0o644)
    (told,) = warnings(path)
    assert told.key == "cameras[0].credentials.password"
    assert "chmod o-r" in told.message


@pytest.mark.parametrize(
    "text",
    [
        "cameras: [{name: a, url: x, credentials: 'admin:hunter22'}]",
        "cameras: [{name: a, url: x, credentials: {password: [hunter22]}}]",
        "cameras: [{name: a, url: x, credentials: {username: u, pasword: hunter22}}]",
        "cameras: [{name: a, url: 'rtsp://u:hunter22@h:port/s'}]",
        "cameras: [{name: a, url: 'rtsp://u:12/hunter22@h/s'}]",
        "cameras: [{name: a, url: 'rtsp://u:hunter22@h/s', credentials: {username: u}}]",
        "cameras: [{name: a, url: ['rtsp://u:hunter22@h/s']}]",
        "listen: 'rtsp://u:hunter22@h/s'\ncameras: []",
        "log: {level: 'rtsp://u:hunter22@h/s'}\ncameras: []",
    ],
)
def test_no_fault_shows_a_secret(write: Write, text: str) -> None:
    assert "hunter22" not in "".join(map(str, problems(write(text))))


def test_a_section_can_be_had_though_another_is_wrong(write: Write) -> None:
    draft = read_draft(write("cameras: 3\ninference: {threads: 2}\n"))
    assert draft.config is None
    found = draft.part(Inference, "inference")
    assert found is not None
    assert found.threads == 2
    assert read_draft(write("inference: 3")).part(Inference, "inference") is None
    assert read_draft(write("cameras: 3")).part(Inference, "inference") == Inference()


@given(st.lists(st.integers(0, 999) | st.text("abc_", min_size=1, max_size=5)))
def test_a_key_as_people_write_it_leads_back_to_its_place(parts: list[str | int]) -> None:
    location = ("cameras", *parts)
    assert location_of(key_text(location)) == location


def loads_or_is_refused(path: Path) -> None:
    """The one property of every file: settings, or problems in plain sentences."""
    draft = read_draft(path)
    assert draft.config is not None or draft.problems
    if draft.problems:
        check_sentences(draft.error())


def check_sentences(error: ConfigError) -> None:
    assert error.problems
    str(error).encode()
    for problem in error.problems:
        assert problem.message
        assert problem.line is None or problem.line >= 1
        assert not re.search(r"Input should|validation error|pydantic|Traceback", problem.message)


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)

KEYS = {
    "camera": [
        "name", "url", "credentials", "enabled", "fps", "decode", "loop", "transport", "snapshot",
        "stale_after", "tiles", "rules",
    ],
    "rule": ["name", "label", "threshold", "for", "keep_firing_for"],
    "top": list(Config.model_fields),
}  # fmt: skip
likely_values = (
    plain_values
    | st.sampled_from(["dock", "fire", "rtsp://u:p@h/s", "file:x", "10s", "auto", 1, 0.5, -1, True])
    | st.dictionaries(st.sampled_from(["username", "password", "rows", "level"]), plain_values)
)


def sections(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(KEYS[kind]), likely_values, max_size=6)


likely_files = st.builds(
    lambda top, cameras, rules: {**top, "cameras": cameras, "rules": rules},
    sections("top"),
    st.lists(sections("camera") | plain_values, max_size=3),
    st.lists(sections("rule") | plain_values, max_size=2),
)


@any_file
@given(st.text(max_size=200))
@example("!!bool x")
@example('!!int ""')
@example("!!float ''")
@example("{[]: 1}")
@example("a: 1:1:1:1:1:1:1")
@example("&a [*a, *a]")
@example("<<: [*a]")
def test_any_text_loads_or_is_refused_in_plain_words(write: Write, text: str) -> None:
    loads_or_is_refused(write(text))


@any_file
@given(st.binary(max_size=200))
def test_any_bytes_load_or_are_refused_in_plain_words(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_bytes(raw)
    loads_or_is_refused(path)


@any_file
@given(st.lists(st.sampled_from(list("[]{}:,-#&*!|>'\"%@`?<~ab0. \n\t")), max_size=60))
def test_any_punctuation_loads_or_is_refused_in_plain_words(write: Write, parts: list[str]) -> None:
    loads_or_is_refused(write("".join(parts)))


@any_file
@given(likely_files)
def test_any_values_under_known_keys_load_or_are_refused_in_plain_words(
    write: Write, data: dict[str, Any]
) -> None:
    loads_or_is_refused(write(yaml.safe_dump(data, allow_unicode=True)))
