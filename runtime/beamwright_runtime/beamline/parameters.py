"""What fills the parameters of a factory's function: arguments, other devices and fixtures of its beamline."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from ophyd_async.core import Device

from beamwright_runtime.beamline.fixture import Fixture


class DeviceSource(Protocol):
    """A factory, as far as the parameters of another one go."""

    @property
    def device(self) -> Device | None:
        """The device if it has been made."""
        ...

    @property
    def parameters(self) -> Parameters:
        """The parameters of its function."""
        ...

    def __call__(self) -> Device:
        """Return the device; the first call makes it."""
        ...


@runtime_checkable
class ArgumentSource(Protocol):
    """What a factory takes its arguments from: its beamline."""

    @property
    def late(self) -> Mapping[str, str]:
        """The modules of names that are imported for the functions that use them."""
        ...

    @property
    def factories(self) -> Mapping[str, DeviceSource]:
        """Makes devices that are arguments of others."""
        ...

    @property
    def mock(self) -> bool:
        """Whether it was started without hardware."""
        ...

    def fixture_value(self, name: str) -> tuple[object] | None:
        """Return the value that takes the place of a device or a fixture, if there is one."""
        ...

    def fixture_function(self, name: str) -> Fixture | None:
        """Return the fixture function of that name, if there is one."""
        ...


class Parameters:
    """The parameters of a factory's function.

    :param function: makes the device.
    :param beamline: whose factories and fixtures fill the parameters.
    :param prefix: fills a parameter of that name.
    :raises TypeError: if a parameter is named connect, mock or timeout, which are reserved.
    """

    def __init__(self, function: Callable[..., object], beamline: ArgumentSource | None, prefix: str) -> None:
        self.name = function.__name__
        self._beamline = beamline
        self._prefix = prefix
        self._parameters = inspect.signature(function).parameters
        taken = sorted(self._parameters.keys() & {"connect", "mock", "timeout"})
        if taken:
            raise TypeError(f"{self.name}() has a parameter named {' and '.join(taken)}, which is reserved: rename it")

    @property
    def stand_in(self) -> tuple[object] | None:
        """The value that stands for the device itself, if there is one."""
        return None if self._beamline is None else self._beamline.fixture_value(self.name)

    def fill(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """Return a value to each parameter.

        :param arguments: of the call; they go before everything else.
        :raises TypeError: if nothing gives a value.
        :raises RuntimeError: if an `async` fixture is needed that has not been read yet.
        """
        return {
            name: arguments[name] if name in arguments else self._find(name, parameter)
            for name, parameter in self._parameters.items()
        }

    def _find(self, name: str, parameter: inspect.Parameter) -> object:
        if self._beamline is not None:
            if (value := self._beamline.fixture_value(name)) is not None:
                return value[0]
            if (factory := self._beamline.factories.get(name)) is not None:
                return factory()
            if (fixture := self._beamline.fixture_function(name)) is not None:
                return fixture.get()
        if name == "prefix" and self._prefix:
            return self._prefix
        if parameter.default is not inspect.Parameter.empty:
            return parameter.default
        raise TypeError(
            f'{self.name}() needs {name}: pass {name}=... or set devices.fixtures["{name}"] on its beamline'
        )

    def unread(self, arguments: Mapping[str, object]) -> list[Fixture]:
        """Find the fixtures that the device and those it uses need; those of a loop of factories once.

        :param arguments: of the call; they need no fixture.
        """
        found: dict[str, Fixture] = {}
        self.find_unread(arguments, found, set())
        return list(found.values())

    def find_unread(self, arguments: Mapping[str, object], found: dict[str, Fixture], seen: set[str]) -> None:
        """Add the fixtures that `unread` finds, unless this one has been seen."""
        if self._beamline is None or self.name in seen or self.stand_in is not None:
            return
        seen.add(self.name)
        for name in self._parameters.keys() - arguments.keys():
            if self._beamline.fixture_value(name) is not None:
                continue
            if (factory := self._beamline.factories.get(name)) is not None:
                if factory.device is None:
                    factory.parameters.find_unread({}, found, seen)
            elif (fixture := self._beamline.fixture_function(name)) is not None and not fixture.is_read:
                found[name] = fixture

    def refuse_unknown(self, arguments: Mapping[str, object]) -> None:
        """Refuse arguments that have no parameter.

        :raises TypeError: if there are any.
        """
        unknown = sorted(arguments.keys() - self._parameters.keys())
        if unknown:
            takes = ", ".join(self._parameters) or "nothing"
            raise TypeError(f"{self.name}() takes {takes}, not {', '.join(unknown)}")

    def refuse_circle(self, above: tuple[str, ...] = ()) -> None:
        """Refuse parameters that lead back to the device.

        :param above: the devices that need this one.
        :raises RuntimeError: if this one is among them.
        """
        if self.name in above:
            raise RuntimeError(f"{self.name} needs itself: its parameters lead back to it")
        factories = self._beamline.factories if self._beamline else {}
        for name in self._parameters:
            if name in factories:
                factories[name].parameters.refuse_circle((*above, self.name))
