"""A document consumer that writes a NeXus file at the end of each run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from event_model import RunRouter

from beamwright_runtime.extras import require
from beamwright_runtime.nexus.run_record import RunRecord

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """What became of a run.

    :param run: its uid.
    :param path: of the file; None if it could not be written.
    :param problems: what is missing or does not fit, a sentence each; also in the file.
    """

    run: str
    path: Path | None
    problems: list[str] = field(default_factory=list)


def scan_and_uid(start: Mapping[str, Any]) -> str:
    """Name a run after its scan and its uid: scan numbers begin again with each RunEngine.

    :param start: the start document of the run.
    :returns: such as `12-1f0c9a3e`, or the start of the uid where runs have no number.
    """
    uid = str(start["uid"])[:8]
    return f"{start['scan_id']}-{uid}" if "scan_id" in start else uid


class NexusWriter:
    """Writes `<scan>.nxs` when a run stops, however it stops: `RE.subscribe(NexusWriter(folder))`.

    The file holds no frames: it links to those of the detectors, relative to itself, and shows them in the shape of the
    scan. It takes its place when it is whole. What is missing is told in the file and by `written`, and ends no run.

    :param folder: where files are written; made if it is not there.
    :param name: gives the name of a file, without its ending, for a start document.
    :raises ModuleNotFoundError: if h5py is not installed: `pip install "beamwright[nexus]"`.
    """

    def __init__(self, folder: Path | str, name: Callable[[Mapping[str, Any]], str] = scan_and_uid) -> None:
        require("NexusWriter", "nexus")
        self.folder = Path(folder)
        self.written: list[Written] = []
        self._name = name
        self._router = RunRouter([self._begin])

    def __call__(self, name: str, document: Any) -> None:
        """Handle a document of any run.

        :param name: the kind of document.
        :param document: as the RunEngine emits it.
        """
        self._router(name, document)

    def _begin(self, _: str, start: Any) -> tuple[list[Callable[[str, Any], None]], list[Any]]:
        run = RunRecord(start)

        def keep(name: str, document: Any) -> None:
            run(name, document)
            if name == "stop":
                self._write(run)

        return [keep], []

    def _write(self, run: RunRecord) -> None:
        # h5py takes a while to import, and most who import this module have no run yet.
        from beamwright_runtime.nexus.run_file import write_run

        path = self.folder / f"{self._name(run.start)}.nxs"
        problems: list[str] = []
        try:
            write_run(run, path, problems)
        # The data are safe without this file, and a consumer that raises would end the run as failed.
        except Exception as error:
            logger.exception("%s is not written", path)
            self.written.append(Written(run.start["uid"], None, [*problems, f"{path.name} is not written: {error}"]))
            return
        for problem in problems:
            logger.warning("%s: %s", path.name, problem)
        self.written.append(Written(run.start["uid"], path, problems))
