"""One error of all devices that are not connected.

ADR 0012 rules here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from beamwright_runtime.connection.outline import Census, outline
from beamwright_runtime.connection.signal_tree import SignalTree
from beamwright_runtime.connection.signals_below import problems_of
from beamwright_runtime.errors import ConnectionFailedError, ConnectionProblem, Reason


class DeviceReport(NamedTuple):
    """Whether a device has connected, and why not.

    :param name: of the device.
    :param tree: its signals, as far as they are known.
    :param error: why it is not connected; `None` if it is.
    :param optional: whether it can be done without.
    :param made: whether there is a device.
    :param ioc: that serves it, if that is known.
    """

    name: str
    tree: SignalTree | None
    error: Exception | None
    optional: bool = False
    made: bool = True
    ioc: str = ""


def failure_of(reports: Sequence[DeviceReport], name: str, seconds: float) -> ConnectionFailedError:
    """Return one error that says what is wrong with several devices.

    :param name: what they are together, such as the beamline's name.
    :param seconds: how long it was tried.
    """
    text, problems = _outline_of(reports, name, seconds)
    first = reports[0]
    if len(reports) == 1 and isinstance(first.error, ConnectionFailedError):
        text = str(first.error)
    return ConnectionFailedError(text, problems, {each.name: each.error for each in reports if each.error is not None})


def lines_of(reports: Sequence[DeviceReport]) -> list[str]:
    """Return what is wrong with each device: the lines of the outline without its totals."""
    text, _ = _outline_of(reports, "", 0.0)
    return text.splitlines()[1:]


def with_ioc_named(error: ConnectionFailedError, report: DeviceReport, seconds: float) -> ConnectionFailedError:
    """Return the error of one device, which names its IOC if that is known and no PV of it answers."""
    if not report.ioc or report.tree is None:
        return error
    census = Census(report.name, seconds)
    _count(report, "", census)
    return ConnectionFailedError(outline(error.problems, census), error.problems, error.sub_errors)


def _outline_of(reports: Sequence[DeviceReport], name: str, seconds: float) -> tuple[str, list[ConnectionProblem]]:
    census = Census(name, seconds)
    problems: list[ConnectionProblem] = []
    for each in reports:
        _count(each, each.name, census)
        if each.error is not None:
            problems += problems_of(each.error, each.name, Reason.FAILED if each.made else Reason.NOT_MADE)
    return outline(problems, census, {each.name for each in reports if each.optional}), problems


def _count(report: DeviceReport, name: str, census: Census) -> None:
    census.count(name, ())
    census.iocs[name] = report.ioc
    if report.tree is not None:
        for path, names in report.tree.census(name):
            census.count(path, names)
