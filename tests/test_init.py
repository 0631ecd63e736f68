"""``emberwatch init`` writes a configuration that loads, and never overwrites by itself."""

import io
from pathlib import Path

import pytest

from monitor.config_file import load_config
from monitor.errors import ConfigError
from monitor.init import init


def written(path: Path, *, force: bool = False, as_root: bool = False) -> str:
    out = io.StringIO()
    assert init(path, force=force, out=out, as_root=as_root) == 0
    return out.getvalue()


def test_what_is_written_loads_and_the_next_steps_are_told(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    told = written(path)
    config = load_config(path)
    assert config.listen == "127.0.0.1:9108"
    assert len(config.cameras) == 1
    assert f"emberwatch check --connect {path}" in told
    assert f"emberwatch run {path}" in told


def test_state_lies_beside_the_file_unless_root_writes_it(tmp_path: Path) -> None:
    written(tmp_path / "mine.yaml")
    written(tmp_path / "system.yaml", as_root=True)
    assert load_config(tmp_path / "mine.yaml").state_dir == tmp_path / "state"
    assert load_config(tmp_path / "system.yaml").state_dir == Path("/var/lib/emberwatch")


def test_what_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    written(path)
    lines = path.read_text("utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if "# credentials:" in line)
    lines[first:] = [line.replace("# ", "", 1) if "#" in line else line for line in lines[first:]]
    lines = [line for line in lines if "A recorded clip" not in line]
    path.write_text("\n".join(lines), encoding="utf-8")
    config = load_config(path)
    assert [camera.name for camera in config.cameras] == ["loading-dock", "archive"]
    assert config.cameras[0].credentials is not None


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="overwrite it with --force"):
        written(path)
    assert path.read_text("utf-8") == "mine"


def test_force_overwrites_it_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text("mine", encoding="utf-8")
    path.chmod(0o640)
    written(path, force=True)
    assert load_config(path).cameras
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("force", [False, True])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, force: bool) -> None:
    with pytest.raises(ConfigError, match="this is a folder"):
        written(tmp_path, force=force)
    for place in ("/dev/null/monitor.yaml", "/dev/null/more/monitor.yaml"):
        with pytest.raises(ConfigError, match="a file stands in the way"):
            written(Path(place), force=force)
    with pytest.raises(ConfigError, match="cannot be written"):
        written(Path("/proc/none/monitor.yaml"), force=force)


@pytest.mark.parametrize("force", [False, True])
def test_the_folder_is_made_where_it_is_not_there(tmp_path: Path, force: bool) -> None:
    path = tmp_path / "etc" / "emberwatch" / "monitor.yaml"
    written(path, force=force)
    assert load_config(path).cameras
