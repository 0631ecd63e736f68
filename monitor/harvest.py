"""``emberwatch harvest``: pictures of judged events as a folder that ``emberwatch train`` reads."""

import time
from collections import Counter
from pathlib import Path
from typing import TextIO

from monitor.alerts import evidence_tables
from monitor.alerts.reader import Judged, read_judged
from monitor.alerts.silence_tables import daemon_store
from monitor.config import Config
from monitor.config_file import load_config
from monitor.evidence import EVIDENCE_FOLDER
from monitor.harvest_folder import TABLE, HarvestError, HarvestFolder
from monitor.harvest_pictures import label_at, pictures_of
from monitor.inference.bundle import load_bundle
from monitor.silence import store_path


def harvest(config: Path, output: Path, *, background: str | None, frames: int, out: TextIO) -> int:
    """Write the pictures of events that were judged and not harvested yet.

    Those of false alarms go under the background label, those of confirmed events under what they
    were about. An event that is judged otherwise later is harvested again, and what is there
    is moved.

    Args:
        config: the daemon's configuration file.
        output: the folder; what is there stays.
        background: label of pictures that show nothing; None: the only label of the model that is
            no hazard.
        frames: most pictures taken from each clip.
        out: where it is told.

    Returns:
        0.

    Raises:
        ConfigError: the configuration is wrong.
        BundleError: the background label is not given, and the bundle cannot be used.
        HarvestError: the folder cannot be used, or the background label is not clear.
        StoreError: the store cannot be read or written.
    """
    settings = load_config(config)
    # An outage may have been judged before that was refused; it never had pictures.
    judged = [one for one in read_judged(store_path(settings)) if not one.event.outage]
    nothing = background or _background(settings)
    folder = HarvestFolder(output)
    results: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    done = []
    for one in judged:
        found = _write(one, folder, settings, nothing, frames, labels)
        results.update(found)
        if found:
            done.append(one)
    if results:
        folder.save()
    # Only now: whoever is stopped before does it again, and nothing is written twice.
    _mark(settings, done)
    _tell(output, judged, done, results, labels, out)
    return 0


def _write(
    judged: Judged,
    folder: HarvestFolder,
    settings: Config,
    background: str,
    frames: int,
    labels: Counter[str],
) -> Counter[str]:
    event = judged.event
    results: Counter[str] = Counter()
    evidence = settings.state_dir / EVIDENCE_FOLDER
    found = pictures_of(event, list(judged.evidence), evidence, frames=frames)
    for number, picture in enumerate(found, start=1):
        label = background if event.verdict == "false" else label_at(event, picture.at)
        name = f"{event.camera}-event{event.id}-{number:03d}.jpg"
        result = folder.add(label, name, picture.data, f"incident-{event.incident_id}")
        results[result] += 1
        labels[label] += result != "known"
    return results


def _background(settings: Config) -> str:
    labels = load_bundle(settings.inference.bundle).labels
    others = [label for label in labels if label not in settings.decision.hazards]
    if len(others) != 1:
        raise HarvestError(
            f"which label shows nothing is not clear: of {', '.join(labels)} {len(others)} are no "
            "hazards; name it with --background"
        )
    return others[0]


def _mark(settings: Config, done: list[Judged]) -> None:
    if not done:
        return
    with daemon_store(store_path(settings)) as connection:
        # Who judged otherwise meanwhile has it harvested again.
        same = [
            one.event.id
            for one in done
            if evidence_tables.verdict_of(connection, one.event.id) == one.event.verdict
        ]
        evidence_tables.mark_harvested(connection, same, time.time())


def _tell(
    output: Path,
    judged: list[Judged],
    done: list[Judged],
    results: Counter[str],
    labels: Counter[str],
    out: TextIO,
) -> None:
    if not judged:
        out.write("No event was judged since the last harvest.\n")
        return
    for label, count in sorted(labels.items()):
        out.write(f"{count:>6}  {label}\n")
    new = results["new"] + results["moved"]
    out.write(f"{new} pictures of {len(done)} events in {output}, groups in {output / TABLE}\n")
    if results["moved"]:
        out.write(f"{results['moved']} were there under another label\n")
    if results["known"]:
        out.write(f"{results['known']} were there already\n")
    if len(judged) > len(done):
        out.write(f"{len(judged) - len(done)} judged events have no pictures any more\n")
