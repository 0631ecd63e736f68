"""The command: quick help, exit codes, one sentence for each error and never a traceback.

What depends on the process (imports, noise of libraries, pipes, signals) runs as a person runs it;
the rest is called through the same entry point in this process, which has imported all it needs.
"""

import dataclasses
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.cli_train import train
from trainer.options import TrainOptions

COMMANDS = (
    "run", "check", "init", "status", "events", "label", "train", "evaluate", "export",
    "replay", "share", "evaluate-clips", "demo", "bench", "version",
)  # fmt: skip


def emberwatch(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "EMBERWATCH_DEBUG": "", **environ},
        check=False,
    )


Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command in this process, from its entry point to its end."""
    monkeypatch.delenv("EMBERWATCH_DEBUG", raising=False)

    def called(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["emberwatch", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int | None)
        return subprocess.CompletedProcess(arguments, code or 0, *capsys.readouterr())

    return called


def test_no_argument_shows_the_help_with_every_command() -> None:
    done = emberwatch()
    said = done.stdout + done.stderr
    assert done.returncode == 2
    for command in COMMANDS:
        assert f"\n  {command} " in said


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(call: Call, command: str) -> None:
    done = call(command, "--help")
    assert done.returncode == 0
    assert f"Usage: emberwatch {command}" in done.stdout
    if command != "version":
        assert f"\n    emberwatch {command}" in done.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['emberwatch', '--help']\n"
        "from monitor.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'av', 'cv2', 'openvino', 'tensorflow', 'keras', 'pydantic', 'fastapi'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"


def test_check_imports_no_model_and_no_decoder(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    code = (
        "import sys\n"
        f"sys.argv = ['emberwatch', 'check', {str(path)!r}]\n"
        "from monitor.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print(sorted({'av', 'openvino', 'tensorflow', 'keras'} & set(sys.modules)))\n"
    )
    path.write_text("cameras: [{name: a, url: 'rtsp://h/s'}]", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_version_is_printed() -> None:
    done = emberwatch("version")
    assert done.returncode == 0
    assert done.stdout.startswith("emberwatch ")


@pytest.mark.parametrize("arguments", [["chek"], ["check"], ["run"], ["label"], ["init", "--x"]])
def test_wrong_arguments_exit_with_2_and_the_usage(call: Call, arguments: list[str]) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert "Usage: emberwatch" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_configuration_exits_with_2_and_all_faults(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text("cameras: []\nlisten: x\n", encoding="utf-8")
    done = call("check", str(path))
    assert done.returncode == 2
    assert f"{path}:1: cameras: " in done.stderr
    assert f"{path}:2: listen: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_is_one_sentence_and_a_traceback_only_for_those_who_ask(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text("mine", encoding="utf-8")
    done = emberwatch("init", str(path))
    assert done.returncode == 2
    assert done.stderr == (
        f"emberwatch: {path}: there is a file already; name another, or overwrite it with --force\n"
    )
    for shown in (
        emberwatch("--debug", "init", str(path)),
        emberwatch("init", str(path), EMBERWATCH_DEBUG="1"),
    ):
        assert "Traceback" in shown.stderr


def test_what_init_writes_is_what_check_reads(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    assert emberwatch("init", str(path)).returncode == 0
    done = emberwatch("check", str(path))
    faults = [line for line in done.stderr.splitlines() if "inference.bundle" not in line]
    assert not [line for line in faults if str(path) in line]


def test_the_schema_is_json_on_standard_output() -> None:
    done = emberwatch("check", "--schema")
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "Emberwatch configuration"


def test_a_reader_that_leaves_early_gives_no_noise() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", "check", "--schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_an_interrupt_ends_with_130_and_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-m", "monitor", "status", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            with silent.accept()[0] as asked:
                assert asked.recv(4) == b"GET "  # and it waits for the answer
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)
            assert process.stderr is not None
            assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 130


@pytest.mark.parametrize(
    "arguments",
    [["--extra", "fire"], ["--oversample", "fire=often"], ["--class-share", "=1"]],
)
def test_training_pairs_are_checked_before_anything_starts(
    call: Call, tmp_path: Path, arguments: list[str]
) -> None:
    done = call("train", str(tmp_path), "--output", str(tmp_path / "m"), *arguments)
    assert done.returncode == 2
    assert "write it as NAME=VALUE" in done.stderr


UNFIT = [
    (["train", "{}/none", "-o", "{}/m"], "there is no such folder"),
    (["train", "{}", "-o", "{}/m", "--steps", "0"], "--steps 0: it must be at least 1"),
    (["train", "{}", "-o", "{}/m", "--fine-tune-from", "mixed12"], "near: mixed"),
    (["train", "{}", "-o", "/proc/m"], "cannot be written to"),
    (["label", "{}/a.jpg", "--bundle", "{}/none"], "there is no such folder"),
]


@pytest.mark.parametrize(("arguments", "says"), UNFIT)
def test_settings_that_cannot_work_exit_with_2_and_one_sentence(
    call: Call, tmp_path: Path, arguments: list[str], says: str
) -> None:
    check_refused(call(*(argument.format(tmp_path) for argument in arguments)), says)


@pytest.mark.parametrize(("arguments", "says"), [UNFIT[0], UNFIT[-1]])
def test_libraries_add_nothing_to_that_sentence(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    check_refused(emberwatch(*(argument.format(tmp_path) for argument in arguments)), says)


def check_refused(done: subprocess.CompletedProcess[str], says: str) -> None:
    assert done.returncode == 2
    assert done.stderr.startswith("emberwatch: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_pictures_that_cannot_be_learned_from_exit_with_1(call: Call, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "fire").mkdir(parents=True)
    done = call("train", str(tmp_path / "pictures"), "-o", str(tmp_path / "m"),
                "--cache-dir", str(tmp_path / "cache"))  # fmt: skip
    assert done.returncode == 1
    assert "only 'fire' was found in it" in done.stderr


def test_train_offers_every_option_of_the_trainer_with_its_default() -> None:
    offered = {
        name: parameter.default for name, parameter in inspect.signature(train).parameters.items()
    }
    plural = {
        "group_note": "group_notes",
        "class_share": "class_shares",
        "class_weight": "class_weights",
        "subset": "subsets",
    }
    options = {plural.get(name, name): default for name, default in offered.items()}
    fields = {field.name: field.default for field in dataclasses.fields(TrainOptions)}
    assert options.keys() == fields.keys()
    for name, default in fields.items():
        if default is not dataclasses.MISSING:
            assert options[name] in (default, default or None), name


def test_share_names_the_folder_of_what_ships(call: Call) -> None:
    found = call("share", "systemd")
    assert (Path(found.stdout.strip()) / "emberwatch.service").is_file()


@pytest.mark.parametrize("name", ["nonsense", "../..", "/etc"])
def test_share_names_nothing_else(call: Call, name: str) -> None:
    found = call("share", name)
    assert found.returncode == 2
    assert "there are config, models and systemd" in found.stderr
