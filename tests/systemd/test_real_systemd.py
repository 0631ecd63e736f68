"""The unit in a real systemd: a Debian machine in a container, the real daemon, a clip that burns.

The tests share one machine and each leaves the daemon running, or starts it itself.
"""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from monitor.share import shared_path
from monitor.web.server import bind
from tests.support.bundles import tiny_bundle
from tests.support.clips import Picture, green_scene, make_clip, plain_scene, red_scene
from tests.support.daemon import free_port, wait_for
from tests.support.faulty_bundles import BLUE, faulty_bundle
from tests.support.machine import Machine, why_not

pytestmark = [
    pytest.mark.debian,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.timeout(1500),
]

UNITS = Path("/etc/systemd/system")
WATCHDOG_SECONDS = 6
"""Instead of the unit's own 30, so that the test needn't wait as long."""

PASSWORD = "correct-horse-battery"


class Site:
    """The machine, with the settings that its daemon reads."""

    def __init__(self, machine: Machine, etc: Path, port: int) -> None:
        self.machine = machine
        self.url = f"http://127.0.0.1:{port}"
        self._file = etc / "monitor.yaml"
        self._base: dict[str, Any] = {
            "listen": f"127.0.0.1:{port}",
            "state_dir": "/var/lib/emberwatch",
            "inference": {"bundle": "/etc/emberwatch/bundle"},
            "rules": [{"name": "fire", "label": "fire", "threshold": 0.6, "for": "1s"}],
            "sinks": [{"name": "journal", "type": "journal"}],
        }
        self.configure("yard")

    def configure(self, *cameras: str, fps: float = 2.0) -> None:
        """Write the settings: the camera ``yard`` burns, all others are quiet."""
        entries = [
            {
                "name": name,
                "url": f"file:/etc/emberwatch/{'burning' if name == 'yard' else 'quiet'}.mp4",
                "loop": True,
                "fps": 2.0 if name == "yard" else fps,
            }
            for name in cameras
        ]
        self._file.write_text(yaml.safe_dump(self._base | {"cameras": entries}))
        self._file.chmod(0o644)

    def configure_secret(self) -> None:
        """Write settings with a camera that nobody answers for, and whose password systemd has."""
        dock = {
            "name": "dock",
            "url": "rtsp://127.0.0.1:1/stream",
            "credentials": {"username": "viewer", "credential": "dock-password"},
        }
        settings = yaml.safe_load(self._file.read_text())
        settings["cameras"].append(dock)
        self._file.write_text(yaml.safe_dump(settings))

    def configure_hang(self) -> None:
        """Write settings with a fire, after which the model never comes to an end."""
        yard = {"name": "yard", "url": "file:/etc/emberwatch/hanging.mp4", "loop": True, "fps": 2.0}
        inference = {"bundle": "/etc/emberwatch/hanging"}
        self._file.write_text(
            yaml.safe_dump(self._base | {"inference": inference, "cameras": [yard]})
        )

    def break_settings(self) -> None:
        """Write settings that are wrong."""
        self._file.write_text("cameras: [{name: yard, url: 'gopher://x'}]\n")

    def value(self, name: str, **labels: str) -> float | None:
        """A metric now; None where it is not there, or nobody answers."""
        try:
            text = httpx.get(f"{self.url}/metrics", timeout=5).text
        except httpx.TransportError:
            return None
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"emberwatch_{name}" and sample.labels == labels:
                    return sample.value
        return None

    def is_burning(self) -> bool:
        return self.value("alert_state", camera="yard", alert="fire") == 2

    def start(self) -> None:
        """Start the daemon, with good settings, and wait for its alert."""
        self.configure("yard")
        self.machine.run("systemctl", "restart", "emberwatch")
        wait_for(self.is_burning, "the fire alert fires", 60)

    def main_pid(self) -> str:
        return self.machine.show("emberwatch", "MainPID")


def _fire_and_then_blue(index: int) -> Picture:
    return (red_scene() if index < 100 else plain_scene(BLUE))(index)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    work = tmp_path_factory.mktemp("machine")
    etc = work / "etc"
    tiny_bundle(etc / "bundle")
    make_clip(etc / "burning.mp4", red_scene(), seconds=4)
    faulty_bundle(etc / "hanging", "hang")
    make_clip(etc / "hanging.mp4", _fire_and_then_blue, seconds=20, fps=10, gop=5)
    make_clip(etc / "quiet.mp4", green_scene(), seconds=4)
    for path in (etc, *etc.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    faster = work / "faster.conf"
    faster.write_text(f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\n")
    secret = work / "secret"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    credential = work / "credential.conf"
    credential.write_text("[Service]\nLoadCredential=dock-password:/etc/secret\n")
    files = {
        "/etc/emberwatch": etc,
        f"{UNITS}/emberwatch.service.d/faster.conf": faster,
        f"{UNITS}/emberwatch.service.d/credential.conf": credential,
        "/etc/secret": secret,
        f"{UNITS}/emberwatch.service": shared_path("systemd", "emberwatch.service"),
        f"{UNITS}/emberwatch@.service": shared_path("systemd", "emberwatch@.service"),
        "/etc/sysusers.d/emberwatch.conf": shared_path("systemd", "sysusers.d", "emberwatch.conf"),
        "/opt/drop-ins": shared_path("systemd", "drop-ins"),
    }
    with Machine(work, files) as machine:
        site = Site(machine, etc, free_port())
        site.start()
        yield site


@pytest.fixture(autouse=True)
def journal(site: Site) -> Iterator[None]:
    """Shows the journal of a test that fails."""
    yield
    print(site.machine.journal())  # noqa: T201 - captured, and shown where a test fails


def test_start_is_told_when_the_daemon_is_ready_and_not_before(site: Site) -> None:
    begun = time.monotonic()
    site.machine.run("systemctl", "restart", "emberwatch")
    seconds = time.monotonic() - begun
    assert httpx.get(f"{site.url}/livez").status_code == 200
    assert "/1 cameras up" in site.machine.show("emberwatch", "StatusText")
    assert site.machine.show("emberwatch", "Type") == "notify"
    assert seconds < 30
    wait_for(lambda: httpx.get(f"{site.url}/readyz").status_code == 200, "it is ready")


def test_daemon_runs_as_nobody_who_may_do_nothing(site: Site) -> None:
    pid = site.main_pid()
    status = dict(
        line.split(":\t", 1)
        for line in site.machine.run("cat", f"/proc/{pid}/status").text.splitlines()
        if ":\t" in line
    )
    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    owned = site.machine.run("stat", "--format=%a", "/var/lib/private/emberwatch").text.strip()
    assert owned == "700"


def test_alert_stands_in_the_journal_with_a_field_for_each_fact(site: Site) -> None:
    def entries() -> list[dict[str, str]]:
        wanted = ("EMBERWATCH_CAMERA=yard", "EMBERWATCH_KIND=firing")
        done = site.machine.run("journalctl", "--output=json", "--no-pager", *wanted, check=False)
        return [json.loads(line) for line in done.text.splitlines() if line.startswith("{")]

    (found,) = wait_for(entries, "the alert is in the journal")
    assert (found["MESSAGE"], found["PRIORITY"]) == ("Fire at yard", "2")
    assert found["_SYSTEMD_UNIT"] == "emberwatch.service"
    assert found["EMBERWATCH_LABEL"] == "fire"
    assert 0.6 <= float(found["EMBERWATCH_SCORE"]) <= 1.0


def test_reload_changes_only_the_cameras_that_changed(site: Site) -> None:
    site.start()
    pid = site.main_pid()
    site.configure("yard", "dock")
    before = wait_for(lambda: site.value("frames_total", camera="yard"), "the camera gave a frame")
    reloads = site.value("config_reloads_total")
    site.machine.run("systemctl", "reload", "emberwatch")
    wait_for(lambda: site.value("camera_up", camera="dock") == 1, "the new camera is up")
    assert (site.value("frames_total", camera="yard") or 0) >= before > 0
    assert sum(
        site.value("camera_reconnects_total", camera="yard", reason=reason) or 0
        for reason in ("error", "worker_lost", "hang", "stall")
    ) == 0  # fmt: skip
    assert site.value("config_reloads_total") == (reloads or 0) + 1
    assert site.is_burning()
    site.configure("yard")
    site.machine.run("systemctl", "reload", "emberwatch")
    wait_for(lambda: site.value("camera_up", camera="dock") is None, "the camera is gone")
    assert site.main_pid() == pid
    assert site.machine.show("emberwatch", "ActiveState") == "active"


def test_reload_of_a_bad_file_keeps_the_old_settings_in_force(site: Site) -> None:
    site.start()
    pid = site.main_pid()
    site.break_settings()
    site.machine.run("systemctl", "reload", "emberwatch")
    wait_for(lambda: site.value("config_last_reload_successful") == 0, "the reload is refused")
    assert site.is_burning()
    assert site.main_pid() == pid
    assert "gopher" in site.machine.journal()
    wait_for(
        lambda: site.machine.show("emberwatch", "ActiveState") == "active", "the reload has ended"
    )
    site.configure("yard")
    site.machine.run("systemctl", "reload", "emberwatch")
    wait_for(lambda: site.value("config_last_reload_successful") == 1, "the reload succeeds")


def test_password_comes_from_a_systemd_credential_and_is_never_logged(site: Site) -> None:
    site.start()
    site.configure_secret()
    site.machine.run("systemctl", "reload", "emberwatch")
    wait_for(
        lambda: site.value("camera_down_reason", camera="dock", reason="refused") == 1,
        "the camera with the password is tried",
    )
    assert site.value("config_last_reload_successful") == 1
    assert PASSWORD not in site.machine.run("journalctl", "--no-pager").text
    assert PASSWORD not in httpx.get(f"{site.url}/api/v1/status").text
    commands = site.machine.run("ps", "-ewwo", "args").text
    assert "emberwatch run" in commands
    assert PASSWORD not in commands


def test_daemon_that_hangs_is_restarted_and_its_alert_still_fires(site: Site) -> None:
    site.start()
    pid = site.main_pid()
    restarts = int(site.machine.show("emberwatch", "NRestarts"))
    site.machine.run("kill", f"-{int(signal.SIGSTOP)}", pid)
    begun = time.monotonic()
    wait_for(
        lambda: (
            site.main_pid() not in (pid, "0")
            and site.machine.show("emberwatch", "ActiveState") == "active"
        ),
        "systemd restarts the daemon",
        60,
    )
    assert time.monotonic() - begun > WATCHDOG_SECONDS / 2
    assert int(site.machine.show("emberwatch", "NRestarts")) == restarts + 1
    assert "watchdog" in site.machine.journal().lower()
    # It goes on from the store: the same fire, not a new one.
    wait_for(site.is_burning, "the alert still fires")
    assert site.value("alerts_total", camera="yard", alert="fire") == 0


def test_daemon_whose_engine_hangs_is_restarted_and_its_alert_still_fires(site: Site) -> None:
    site.configure_hang()
    site.machine.run("systemctl", "restart", "emberwatch")
    pid = site.main_pid()
    wait_for(site.is_burning, "the fire alert fires before the model hangs")
    restarts = int(site.machine.show("emberwatch", "NRestarts"))
    try:
        wait_for(
            lambda: (
                site.main_pid() not in (pid, "0")
                and site.machine.show("emberwatch", "ActiveState") == "active"
            ),
            "systemd restarts the daemon",
            90,
        )
        assert int(site.machine.show("emberwatch", "NRestarts")) > restarts
        assert "watchdog" in site.machine.journal().lower()
        wait_for(site.is_burning, "the alert still fires")
        assert site.value("alerts_total", camera="yard", alert="fire") == 0
    finally:
        site.start()


def test_stop_takes_less_than_five_seconds_and_leaves_nobody_behind(site: Site) -> None:
    site.start()
    begun = time.monotonic()
    site.machine.run("systemctl", "stop", "emberwatch")
    assert time.monotonic() - begun < 5.0
    assert site.machine.show("emberwatch", "Result") == "success"
    assert site.machine.show("emberwatch", "ExecMainStatus") == "0"
    assert site.machine.run("pgrep", "-f", "monitor", check=False).text.strip() == ""
    assert "worker_lost" not in site.machine.run("journalctl", "--since=-10s", "--no-pager").text


def test_wrong_settings_fail_the_start_and_mending_the_file_is_enough(site: Site) -> None:
    site.machine.run("systemctl", "stop", "emberwatch")
    restarts = int(site.machine.show("emberwatch", "NRestarts"))
    site.break_settings()
    assert site.machine.run("systemctl", "start", "emberwatch", check=False).code != 0
    assert site.machine.show("emberwatch", "ExecMainStatus") == "2"
    wait_for(
        lambda: int(site.machine.show("emberwatch", "NRestarts")) > restarts,
        "systemd tries again",
        60,
    )
    assert "Traceback" not in site.machine.journal()
    site.configure("yard")
    wait_for(site.is_burning, "it starts by itself once the file is mended", 90)


def test_address_that_comes_later_is_waited_for(site: Site) -> None:
    site.machine.run("systemctl", "stop", "emberwatch")
    site.configure("yard")
    with bind(site.url.removeprefix("http://")):  # the machine shares the network of this one
        site.machine.run("systemctl", "start", "--no-block", "emberwatch")
        wait_for(
            lambda: int(site.machine.show("emberwatch", "NRestarts")) >= 1,
            "systemd tries again",
            60,
        )
        assert "in use" in site.machine.journal()
    wait_for(
        lambda: site.machine.show("emberwatch", "ActiveState") == "active",
        "it starts once the address is free",
        60,
    )


@pytest.mark.parametrize("unit", ["emberwatch.service", "emberwatch@north.service"])
def test_systemd_finds_nothing_wrong_with_the_unit(site: Site, unit: str) -> None:
    done = site.machine.run("systemd-analyze", "verify", unit, check=False)
    assert (done.code, done.text) == (0, "")


def test_systemd_rates_the_unit_as_well_protected(site: Site) -> None:
    done = site.machine.run("systemd-analyze", "security", "--threshold=20", "emberwatch")
    assert "OK" in done.text.splitlines()[-1]


@pytest.mark.parametrize("drop_in", ["gpu.conf", "v4l2.conf", "static-user.conf"])
def test_each_drop_in_is_understood(site: Site, drop_in: str) -> None:
    site.machine.run("systemd-sysusers")
    folder = f"/run/systemd/system/emberwatch@{drop_in.removesuffix('.conf')}.service.d"
    site.machine.run("mkdir", "-p", folder)
    site.machine.run("cp", f"/opt/drop-ins/{drop_in}", folder)
    site.machine.run("systemctl", "daemon-reload")
    unit = f"emberwatch@{drop_in.removesuffix('.conf')}.service"
    done = site.machine.run("systemd-analyze", "verify", unit, check=False)
    assert (done.code, done.text) == (0, "")
    assert drop_in in site.machine.show(unit, "DropInPaths")
