"""The model bundle: a folder that the trainer writes and the monitor reads.

::

    bundle.json      the manifest: what the model is, and the sha256 of every other file
    labels.txt       one label a line, in output order
    model.keras      the canonical model
    openvino/        intermediate representation (model.xml, model.bin), and that of the canonical
                     model (exact.xml, exact.bin) for a second look where int8 leaves doubt
    learned.txt      what the network was trained on: see trainer.learned; not read here
    report/          the training report

A bundle is untrusted until :func:`load_bundle` has accepted it: every listed file is there, is a
regular file inside the folder, and has the hash that the manifest says. Its name is the hash of the
manifest, which therefore names the whole bundle.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from monitor.errors import BundleError, ConfigError
from monitor.inference.manifest import FORMAT_VERSION, MANIFEST_NAME, Geometry, Manifest
from monitor.share import shared_path

LABELS_NAME = "labels.txt"
KERAS_NAME = "model.keras"
OPENVINO_XML = "openvino/model.xml"
OPENVINO_BIN = "openvino/model.bin"
EXACT_XML = "openvino/exact.xml"
EXACT_BIN = "openvino/exact.bin"

_MAX_MANIFEST_BYTES = 1024 * 1024
# A model for cameras has tens of megabytes; beyond this something else lies in the folder.
_MAX_FILE_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was checked and may be loaded."""

    path: Path
    """Its folder."""
    manifest: Manifest
    sha256: str
    """Of ``bundle.json``: names the model in metrics, logs and events."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in output order."""
        return tuple(self.manifest.labels)

    @property
    def geometry(self) -> Geometry:
        return self.manifest.geometry

    @property
    def keras_path(self) -> Path | None:
        """The canonical model; None where the bundle has none."""
        return self.path / KERAS_NAME if KERAS_NAME in self.manifest.files else None

    @property
    def openvino_path(self) -> Path | None:
        """``model.xml`` of the OpenVINO form; None where the bundle has none."""
        listed = {OPENVINO_XML, OPENVINO_BIN} <= set(self.manifest.files)
        return self.path / OPENVINO_XML if listed else None

    @property
    def exact_path(self) -> Path | None:
        """``exact.xml``: the canonical model for OpenVINO; None where the bundle has none."""
        listed = {EXACT_XML, EXACT_BIN} <= set(self.manifest.files)
        return self.path / EXACT_XML if listed else None


def resolve_bundle(name: str | Path) -> Path:
    """The folder that ``default`` or a path means. It need not exist."""
    if str(name) == "default":
        return shared_path("models", "default")
    return Path(name).expanduser()


def load_bundle(path: str | Path) -> Bundle:
    """Check a bundle completely and give it.

    Args:
        path: its folder, or ``default`` for the one that ships.

    Raises:
        BundleError: missing, broken, changed, or foreign; says what was found and what to do.
    """
    folder = resolve_bundle(path)
    try:
        return _load(folder)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BundleError(
            f"bundle {folder}: cannot be read: {reason}; check the path and its rights"
        ) from error


def _load(folder: Path) -> Bundle:
    raw = _read_manifest(folder)
    manifest = _parse_manifest(folder, raw)
    for name, expected in manifest.files.items():
        _check_file(folder, name, expected)
    if LABELS_NAME not in manifest.files:
        raise BundleError(f"bundle {folder}: {LABELS_NAME} is not listed; export the bundle again")
    listed = (folder / LABELS_NAME).read_text("utf-8", errors="replace")
    if listed != _labels_text(manifest.labels):
        raise BundleError(
            f"bundle {folder}: {LABELS_NAME} and {MANIFEST_NAME} name different labels; "
            "export the bundle again"
        )
    bundle = Bundle(folder, manifest, hashlib.sha256(raw).hexdigest())
    form = manifest.openvino
    if form is not None and form.doubt is not None and bundle.exact_path is None:
        raise BundleError(
            f"bundle {folder}: its int8 form wants second looks, and {EXACT_XML} or {EXACT_BIN} "
            "is not listed; export the bundle again"
        )
    return bundle


def write_manifest(folder: Path, manifest: Manifest) -> Bundle:
    """Make a folder with model files a bundle: write its labels and, last, its manifest.

    ``manifest.files`` is replaced by the hashes of all files that lie in the folder. The manifest
    is replaced atomically, so a reader sees the old bundle or the new one.

    Raises:
        BundleError: the folder holds a link or something else that is no file, or cannot be
            written.
    """
    try:
        _replace_file(folder / LABELS_NAME, _labels_text(manifest.labels).encode())
        files = {}
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise BundleError(f"bundle {folder}: {path} is no regular file; remove it")
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name != MANIFEST_NAME:
                files[name] = _hash_file(path)
        complete = Manifest.model_validate({**manifest.model_dump(), "files": files})
        raw = (json.dumps(complete.model_dump(mode="json"), indent=2) + "\n").encode()
        _replace_file(folder / MANIFEST_NAME, raw)
    except OSError as error:
        raise BundleError(
            f"bundle {folder}: cannot be written: {error.strerror}; check the folder and its rights"
        ) from error
    return Bundle(folder, complete, hashlib.sha256(raw).hexdigest())


def require_labels(bundle: Bundle, labels: Iterable[str]) -> None:
    """Check that the model knows every label that the rules name.

    Raises:
        ConfigError: a rule names a label that the model does not give.
    """
    unknown = sorted(set(labels) - set(bundle.labels))
    if unknown:
        named = ", ".join(f"'{label}'" for label in unknown)
        raise ConfigError(
            f"rules: the label {named} is unknown to the model in {bundle.path}, which gives "
            f"{', '.join(bundle.labels)}; name one of these, or set inference.bundle to a model "
            "that was trained for it"
        )


def _labels_text(labels: Iterable[str]) -> str:
    return "".join(f"{label}\n" for label in labels)


def _read_manifest(folder: Path) -> bytes:
    path = folder / MANIFEST_NAME
    if not folder.is_dir():
        raise BundleError(
            f"bundle {folder}: there is no such folder; give the folder of a model bundle, or "
            "'default' for the one that ships"
        )
    if path.is_symlink() or not path.is_file():
        raise BundleError(
            f"bundle {folder}: there is no {MANIFEST_NAME} in it, so it is no model bundle; give "
            "a folder that 'emberwatch train' wrote"
        )
    with path.open("rb") as file:
        raw = file.read(_MAX_MANIFEST_BYTES + 1)
    if len(raw) > _MAX_MANIFEST_BYTES:
        raise BundleError(
            f"bundle {folder}: {MANIFEST_NAME} has more than {_MAX_MANIFEST_BYTES:,} bytes, so it "
            "is no manifest; export the bundle again"
        )
    return raw


def _parse_manifest(folder: Path, raw: bytes) -> Manifest:
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"bundle {folder}: {MANIFEST_NAME} is no JSON; export the bundle again"
        ) from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"bundle {folder}: format version {version!r} is unknown, this program reads "
            f"{FORMAT_VERSION}; retrain with this version, or install the one that wrote it"
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the whole"
        raise BundleError(
            f"bundle {folder}: {MANIFEST_NAME} is wrong at {where}: {fault['msg']}; "
            "export the bundle again"
        ) from error


def _check_file(folder: Path, name: str, expected: str) -> None:
    """Check that a listed file is a regular one inside the folder, with the right hash."""
    path = folder
    for part in PurePosixPath(name).parts:
        path = path / part
        if path.is_symlink():
            raise BundleError(
                f"bundle {folder}: {name} is reached through a link; put the file itself there"
            )
    if not path.is_file():
        raise BundleError(f"bundle {folder}: {name} is missing; copy the bundle completely")
    size = path.stat().st_size
    if size > _MAX_FILE_BYTES:
        raise BundleError(
            f"bundle {folder}: {name} has {size:,} bytes, more than a model has; "
            "copy the bundle again"
        )
    found = _hash_file(path)
    if found != expected:
        raise BundleError(
            f"bundle {folder}: {name} was changed: its sha256 is {found[:12]}…, the manifest says "
            f"{expected[:12]}…; copy the bundle again, or export it again"
        )


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old or the new content."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
