"""The PVs that a beamline is described to have, and what was observed of them before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from beamwright_generator.parse.yaml.observation_file import Observations
from beamwright_generator.problems import Problems
from beamwright_generator.project import BeamlineProject
from beamwright_generator.resolve.observed.promised_pvs import DescribedPv
from beamwright_generator.resolve.resolution import describe_beamline


@dataclass(frozen=True)
class BeamlinePvs:
    """The described PVs of a beamline.

    :param name: of the beamline.
    :param path: the observations file that the beamline file names; None if it names none.
    :param before: what that file holds; None if it does not exist.
    """

    name: str
    pvs: Sequence[DescribedPv]
    path: Path | None
    before: Observations | None


def read_beamline_pvs(path: Path, problems: Problems) -> BeamlinePvs | None:
    """Read the PVs that a beamline file and its descriptions promise.

    :returns: None if there are errors, which are reported.
    """
    project = BeamlineProject.open(path, problems)
    if project is None:
        return None
    # Recording makes the file, so one that does not exist yet is no problem here.
    before = project.observations if project.has_observations else None
    pvs = describe_beamline(project)
    return None if problems.errors else BeamlinePvs(project.beamline.name, pvs, project.observation_path, before)
