"""The ways that frames go in one IOC: from the port that makes them to the plugins that listen to it."""

from __future__ import annotations

from typing import Protocol

from beamwright_twin.sim.frame import Frame


class FrameListener(Protocol):
    """What gets the frames of another port."""

    @property
    def source(self) -> str:
        """The port that the frames come from, which clients may change at any time."""
        ...

    def receive(self, frame: Frame) -> None:
        """Take a frame."""
        ...


class FrameRoutes:
    """Which listeners get the frames of which port."""

    def __init__(self) -> None:
        self._listeners: list[FrameListener] = []

    def add(self, listener: FrameListener) -> None:
        """Add a listener; its port is looked up anew for each frame."""
        self._listeners.append(listener)

    def send(self, port: str, frame: Frame) -> None:
        """Hand a frame of a port to everything that listens to it."""
        for listener in [one for one in self._listeners if one.source == port]:
            listener.receive(frame)
