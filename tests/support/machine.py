"""A small Debian machine with a real systemd, booted in a container.

The root is made once by debootstrap, from the mirror that this machine's own apt uses, and kept in
the user's cache folder, for all checkouts: it takes minutes. What a test writes goes to a layer in
memory and is gone with the machine. The program is not copied: this Python, its packages and the
checkout are bound in read-only, where the unit expects them.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.daemon import wait_for

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emberwatch-tests"
PACKAGES = ("systemd", "dbus", "procps", "python3")
"""In the root. Debian's python3 brings the libraries that another Python of the host needs too."""
PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter")
OPT = Path("/opt/emberwatch")
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def why_not() -> str:
    """Why no machine can be booted here; empty where one can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} not installed (Debian: debootstrap, systemd-container)"
    if os.geteuid() != 0:
        return "booting a container needs root: scripts/systemd-test asks for it by sudo"
    return ""


def build_root(cache: Path = CACHE) -> Path:
    """The root folder of the machine; made where it is missing or of another kind."""
    suite = _os_release()["VERSION_CODENAME"]
    kind = hashlib.sha256(" ".join((suite, *PACKAGES)).encode()).hexdigest()[:16]
    root = cache / f"root-{kind}"
    if root.is_dir():
        return root
    cache.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=cache))
    done = subprocess.run(
        [
            "debootstrap",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            suite,
            str(partial),
            _mirror(suite),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1200,
    )
    if done.returncode:
        shutil.rmtree(partial, ignore_errors=True)
        raise RuntimeError(f"debootstrap failed:\n{done.stdout[-2000:]}")
    partial.chmod(0o755)
    try:
        partial.rename(root)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not root.is_dir():
            raise  # and not because another run was faster
    return root


@dataclass(frozen=True, slots=True)
class Done:
    """How a command in the machine ended."""

    code: int
    text: str
    """Both outputs together."""


class Machine:
    """A booted machine; use it as a context manager.

    Args:
        work: an empty folder of this test.
        files: files of the host that appear in the machine, read-only, by their path there.
    """

    def __init__(self, work: Path, files: Mapping[str, Path]) -> None:
        self._log = work / "console.log"
        self._bound = {**_program(work / "program"), **files}
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> "Machine":
        command = [
            "systemd-nspawn",
            "--quiet",
            "--boot",
            f"--directory={build_root()}",
            "--volatile=overlay",
            "--register=no",
            "--console=pipe",
            f"--machine=emberwatch-test-{os.getpid()}",
            "--hostname=watchman",
            *(f"--bind-ro={host}:{inside}" for inside, host in self._bound.items()),
        ]
        if not Path("/run/systemd/system").is_dir():
            command.append("--keep-unit")  # nobody here who could make a unit for it
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_for(self._is_booted, "the machine has booted", 60)
            if sys.base_prefix != "/usr":
                self.run("ldconfig")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._nspawn is None:
            return
        self._nspawn.terminate()
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait(30)

    def run(self, *command: str, check: bool = True) -> Done:
        """Run a command in the machine.

        Raises:
            AssertionError: it failed, and ``check`` is set.
        """
        done = subprocess.run(
            ["nsenter", f"--target={self._leader}", "--all", "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}\n{self.journal()}")
        return Done(done.returncode, done.stdout)

    def show(self, unit: str, prop: str) -> str:
        """A property of a unit, as systemd has it now."""
        return self.run("systemctl", "show", "--value", f"--property={prop}", unit).text.strip()

    def journal(self, unit: str = "emberwatch") -> str:
        """What the unit, and systemd about it, have logged."""
        return self.run(
            "journalctl", "--no-pager", "--lines=60", f"--unit={unit}", check=False
        ).text

    def console(self) -> str:
        """The end of what the machine wrote to its console."""
        return self._log.read_text(errors="replace")[-2000:]

    def _is_booted(self) -> bool:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            raise AssertionError(f"the machine did not boot:\n{self.console()}")
        for child in psutil.Process(self._nspawn.pid).children():
            self._leader = child.pid
        if not self._leader:
            return False
        state = self.run("systemctl", "is-system-running", check=False).text.strip()
        return state in ("running", "degraded")


def _program(work: Path) -> dict[str, Path]:
    """A virtual environment in /opt/emberwatch that is made of this one's parts."""
    base = Path("/usr") if sys.base_prefix == "/usr" else Path("/opt/python")
    venv = work / "venv"
    packages = venv / "lib" / PYTHON / "site-packages"
    packages.mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(base / "bin" / PYTHON)
    (venv / "pyvenv.cfg").write_text(f"home = {base / 'bin'}\n")
    script = venv / "bin" / "emberwatch"
    script.write_text(
        f"#!{OPT}/bin/python\nimport sys\nfrom monitor.cli import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    (packages / "packages.pth").write_text("/opt/packages\n")
    for package in ("monitor", "trainer"):
        (packages / package).mkdir()
    libraries = work / "python.conf"
    libraries.write_text(f"{base / 'lib'}\n")
    inside = OPT / packages.relative_to(venv)
    bound = {
        str(OPT): venv,
        str(inside / "monitor"): CHECKOUT / "monitor",
        str(inside / "trainer"): CHECKOUT / "trainer",
        "/opt/packages": Path(sysconfig.get_path("purelib")),
    }
    if base != Path("/usr"):
        bound["/opt/python"] = Path(sys.base_prefix).resolve()
        bound["/etc/ld.so.conf.d/python.conf"] = libraries
    return bound


def _mirror(suite: str) -> str:
    """The mirror of the host's own apt that has this suite."""
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", f"Codename: {suite}"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout.split()  # fmt: skip
    if not sites:
        raise RuntimeError(f"apt knows no mirror of {suite}: run apt-get update")
    return sites[0]


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip('"') for key, _, value in pairs}
