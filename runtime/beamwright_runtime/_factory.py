"""Device factories: functions that make a device once, name it after themselves and connect it on demand."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import update_wrapper
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from bluesky.run_engine import call_in_bluesky_event_loop
from ophyd_async.core import DEFAULT_TIMEOUT, Device, wait_for_connection

DeviceT = TypeVar("DeviceT", bound=Device)
DeviceT_co = TypeVar("DeviceT_co", bound=Device, covariant=True)

_making = threading.RLock()
"""Held while devices are made: a plan and a script may ask for the same device from two threads."""


class Policy(Enum):
    """When a device is connected."""

    EAGER = "eager"
    """When the beamline starts."""
    LAZY = "lazy"
    """When a plan first uses it."""
    EXPLICIT = "explicit"
    """Only when it is asked for by name."""


class DeviceFactory(Generic[DeviceT_co]):
    """Makes one device, the first time it is called, and hands out the same one ever after.

    Made by `device_factory` and `Beamline.factory`. Nothing is made or connected before the first call.

    :param function: makes the device. Its parameters are filled by, in this order: an argument of the call, the
        factory of that name in the same beamline, the beamline's fixture of that name, `prefix`, the default.
    :param beamline: whose factories and fixtures fill the parameters.
    :param policy: when the device is connected.
    :param optional: whether a beamline counts as connected without it.
    :param timeout: of a connection, in seconds.
    :param mock: whether to connect without hardware unless a call says otherwise.
    :param skip: whether to leave the device out when a whole beamline is connected.
    :param prefix: what the device's PVs start with; fills a parameter of that name.
    """

    def __init__(
        self,
        function: Callable[..., DeviceT_co],
        beamline: Beamline | None = None,
        *,
        policy: Policy = Policy.LAZY,
        optional: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        mock: bool = False,
        skip: bool | Callable[[], bool] = False,
        prefix: str = "",
    ) -> None:
        update_wrapper(self, function)
        self.name = function.__name__
        self.policy = policy
        self.optional = optional
        self.timeout = timeout
        self.mock = mock
        self.prefix = prefix
        self._function = function
        self._beamline = beamline
        self._skip = skip
        self._parameters = inspect.signature(function).parameters
        taken = sorted(self._parameters.keys() & {"connect", "mock", "timeout"})
        if taken:
            raise TypeError(f"{self.name}(): {' and '.join(taken)} is for connecting, name the parameter otherwise")
        self._device: DeviceT_co | None = None
        self._filled: dict[str, object] = {}
        self._being_made = False

    def __repr__(self) -> str:
        return f"<device factory {self.name}>"

    @property
    def skip(self) -> bool:
        """Whether to leave the device out when a whole beamline is connected."""
        return self._skip() if callable(self._skip) else self._skip

    @property
    def device(self) -> DeviceT_co | None:
        """The device if it has been made."""
        return self._device

    def __call__(
        self, *, connect: bool = False, mock: bool | None = None, timeout: float | None = None, **arguments: object
    ) -> DeviceT_co:
        """Give the device, made by the first call.

        :param connect: connect it, and the devices it was made with, before returning. Needs a RunEngine and waits;
            in async code use `await device.connect()` instead.
        :param mock: connect without hardware.
        :param timeout: of the connection, in seconds.
        :param arguments: for the parameters of the function.
        :raises TypeError: if a parameter cannot be filled, or an argument has no parameter.
        :raises ValueError: if the device was already made with another argument.
        :raises RuntimeError: if `connect` is asked for inside a running event loop, or without a RunEngine.
        :raises NotConnectedError: if PVs do not answer in time or have other types; shows which.
        """
        with _making:
            device = self._make(arguments)
        if connect:
            self._connect(self.mock if mock is None else mock, self.timeout if timeout is None else timeout)
        return device

    def _make(self, arguments: Mapping[str, object]) -> DeviceT_co:
        self._refuse_unknown(arguments)
        if self._device is not None:
            changed = [name for name, value in arguments.items() if self._filled[name] is not value]
            if changed:
                raise ValueError(f"{self.name} is already made, with another {' and '.join(changed)}")
            return self._device
        if self._being_made:
            raise RuntimeError(f"{self.name} needs itself: its parameters lead back to it")
        self._being_made = True
        try:
            filled = self._fill(arguments)
            device = self._function(**filled)
        finally:
            self._being_made = False
        device.set_name(self.name)
        self._filled, self._device = filled, device
        return device

    def _refuse_unknown(self, arguments: Mapping[str, object]) -> None:
        unknown = sorted(arguments.keys() - self._parameters.keys())
        if unknown:
            takes = ", ".join(self._parameters) or "nothing"
            raise TypeError(f"{self.name}() takes {takes}, not {', '.join(unknown)}")

    def _fill(self, arguments: Mapping[str, object]) -> dict[str, object]:
        factories = self._beamline.factories if self._beamline else {}
        fixtures = self._beamline.fixtures if self._beamline else {}
        filled: dict[str, object] = {}
        for name, parameter in self._parameters.items():
            if name in arguments:
                filled[name] = arguments[name]
            elif name in factories:
                filled[name] = factories[name]()
            elif name in fixtures:
                filled[name] = fixtures[name]
            elif name == "prefix" and self.prefix:
                filled[name] = self.prefix
            elif parameter.default is not inspect.Parameter.empty:
                filled[name] = parameter.default
            else:
                raise TypeError(
                    f'{self.name}() needs {name}: pass {name}=... or set devices.fixtures["{name}"] on its beamline'
                )
        return filled

    def _connect(self, mock: bool, timeout: float) -> None:
        if _in_event_loop():
            raise RuntimeError(
                f"{self.name}(connect=True) waits, which would stop the event loop it is called in: use"
                f" `await device.connect()` in async code, or `yield from ensure_connected(device)` in a plan"
            )
        devices = {name: value for name, value in self._filled.items() if isinstance(value, Device)}
        if self._device is not None:
            devices[self.name] = self._device
        began = False

        async def connect() -> None:
            nonlocal began
            began = True
            await wait_for_connection(**{n: d.connect(mock=mock, timeout=timeout) for n, d in devices.items()})

        try:
            call_in_bluesky_event_loop(connect())
        except RuntimeError as error:
            if began:
                raise
            raise RuntimeError(f"{self.name} connects in the event loop of a RunEngine: make one first") from error


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Decorator(Protocol):
    def __call__(self, function: Callable[..., DeviceT], /) -> DeviceFactory[DeviceT]: ...


def device_factory(
    *,
    policy: Policy = Policy.LAZY,
    optional: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    mock: bool = False,
    skip: bool | Callable[[], bool] = False,
    prefix: str = "",
) -> _Decorator:
    """Decorate a function that makes a device, apart from any beamline; the parameters are those of `DeviceFactory`."""

    def decorate(function: Callable[..., DeviceT], /) -> DeviceFactory[DeviceT]:
        return DeviceFactory(
            function, policy=policy, optional=optional, timeout=timeout, mock=mock, skip=skip, prefix=prefix
        )

    return decorate


class Beamline:
    """The device factories of a beamline, in the order they were defined; iterating gives the factories.

    :param name: what the beamline is called, such as `x01`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.fixtures: dict[str, object] = {}
        """Fills factories' parameters by name, such as `path_provider`."""
        self._factories: dict[str, DeviceFactory[Device]] = {}

    def __repr__(self) -> str:
        return f"<beamline {self.name}: {len(self)} devices>"

    def __iter__(self) -> Iterator[DeviceFactory[Device]]:
        return iter(self._factories.values())

    def __len__(self) -> int:
        return len(self._factories)

    @property
    def factories(self) -> Mapping[str, DeviceFactory[Device]]:
        """The factories by the name of their device."""
        return MappingProxyType(self._factories)

    def factory(
        self,
        *,
        policy: Policy = Policy.LAZY,
        optional: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        mock: bool = False,
        skip: bool | Callable[[], bool] = False,
        prefix: str = "",
    ) -> _Decorator:
        """Decorate a function that makes a device of this beamline; the parameters are those of `DeviceFactory`.

        :raises ValueError: if the beamline has a device of that name.
        """

        def decorate(function: Callable[..., DeviceT], /) -> DeviceFactory[DeviceT]:
            factory = DeviceFactory(
                function, self, policy=policy, optional=optional, timeout=timeout, mock=mock, skip=skip, prefix=prefix
            )
            if factory.name in self._factories:
                raise ValueError(f"beamline {self.name} already has a device {factory.name}")
            self._factories[factory.name] = factory
            return factory

        return decorate
