"""Several devices that were asked to connect, and one error that shows what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from beamwright_runtime.connection.outline import Census, outline
from beamwright_runtime.connection.signal_tree import Tree
from beamwright_runtime.connection.signals_below import problems_of
from beamwright_runtime.errors import ConnectionFailedError, ConnectionProblem, Reason


class Asked(NamedTuple):
    """A device that was asked to connect.

    :param name: of the device.
    :param tree: its signals, as far as they are known.
    :param error: why it is not connected; `None` if it is.
    :param optional: whether it can be done without.
    :param made: whether there is a device.
    :param ioc: that serves it, if that is known.
    """

    name: str
    tree: Tree | None
    error: Exception | None
    optional: bool = False
    made: bool = True
    ioc: str = ""


def failure_of(asked: Sequence[Asked], name: str, seconds: float) -> ConnectionFailedError:
    """Make one error of what is wrong with several devices.

    :param name: what they are together, such as the beamline's name.
    :param seconds: how long it was tried.
    """
    text, problems = _outlined(asked, name, seconds)
    first = asked[0]
    if len(asked) == 1 and isinstance(first.error, ConnectionFailedError):
        text = str(first.error)
    return ConnectionFailedError(text, problems, {each.name: each.error for each in asked if each.error is not None})


def lines_of(asked: Sequence[Asked]) -> list[str]:
    """Show what is wrong with each device, in the words of the outline but without its line of totals."""
    text, _ = _outlined(asked, "", 0.0)
    return text.splitlines()[1:]


def naming_its_ioc(error: ConnectionFailedError, asked: Asked, seconds: float) -> ConnectionFailedError:
    """Tell an error of one device in words that name its IOC, if that is known and nothing of it answers."""
    if not asked.ioc or asked.tree is None:
        return error
    census = Census(asked.name, seconds)
    _count(asked, "", census)
    return ConnectionFailedError(outline(error.problems, census), error.problems, error.sub_errors)


def _outlined(asked: Sequence[Asked], name: str, seconds: float) -> tuple[str, list[ConnectionProblem]]:
    census = Census(name, seconds)
    problems: list[ConnectionProblem] = []
    for each in asked:
        _count(each, each.name, census)
        if each.error is not None:
            problems += problems_of(each.error, each.name, Reason.FAILED if each.made else Reason.NOT_MADE)
    return outline(problems, census, {each.name for each in asked if each.optional}), problems


def _count(asked: Asked, name: str, census: Census) -> None:
    census.count(name, ())
    census.iocs[name] = asked.ioc
    if asked.tree is not None:
        for path, names in asked.tree.census(name):
            census.count(path, names)
