"""Several devices that were asked to connect, and one error that shows what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from beamwright_runtime._errors import ConnectionFailedError, ConnectionProblem, Reason
from beamwright_runtime._outline import Census, outline
from beamwright_runtime._signals_below import problems_of
from beamwright_runtime._tree import Tree


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
    census = Census(name, seconds)
    problems: list[ConnectionProblem] = []
    for each in asked:
        _count(each, each.name, census)
        if each.error is not None:
            reason = Reason.FAILED if each.made else Reason.NOT_MADE
            problems += problems_of(each.error, each.name, reason)
    first = asked[0]
    if len(asked) == 1 and isinstance(first.error, ConnectionFailedError):
        census = Census(first.name, seconds)
        _count(first, "", census)
        text = outline(first.error.problems, census) if first.ioc else str(first.error)
    else:
        text = outline(problems, census, {each.name for each in asked if each.optional})
    return ConnectionFailedError(text, problems, {each.name: each.error for each in asked if each.error is not None})


def _count(asked: Asked, name: str, census: Census) -> None:
    census.count(name, ())
    census.iocs[name] = asked.ioc
    if asked.tree is not None:
        for path, names in asked.tree.census(name):
            census.count(path, names)
