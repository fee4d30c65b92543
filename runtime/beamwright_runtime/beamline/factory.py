"""Device factories: functions that make a device once, name it after themselves and connect it on demand.

ADR 0010 rules here.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import update_wrapper
from types import ModuleType
from typing import Generic, Protocol, TypeVar, cast

from ophyd_async.core import DEFAULT_TIMEOUT, Device

from beamwright_runtime.beamline.late_names import LateNames
from beamwright_runtime.beamline.parameters import ArgumentSource, Parameters
from beamwright_runtime.connection.device_connection import DeviceConnection, connection_of, remember
from beamwright_runtime.connection.device_state import DeviceState, Stage
from beamwright_runtime.connection.event_loop import wait_in_loop, waiting_loop
from beamwright_runtime.connection.failure import failure_of

DeviceT = TypeVar("DeviceT", bound=Device)
DeviceT_co = TypeVar("DeviceT_co", bound=Device, covariant=True)


class Policy(Enum):
    """When a device is connected."""

    EAGER = "eager"
    """In the background, when the beamline starts."""
    LAZY = "lazy"
    """When a plan first uses it."""
    EXPLICIT = "explicit"
    """Only when it is asked for by name."""


class DeviceFactory(Generic[DeviceT_co]):
    """Makes one device, the first time it is called, and hands out the same one ever after.

    Made by `device_factory` and `Beamline.factory`. Nothing is made or connected before the first call.

    :param function: makes the device. Its parameters are filled by, in this order: an argument of the call, the value
        of that name in `Beamline.fixtures`, the factory of that name in the same beamline, the beamline's fixture
        function of that name, `prefix`, the default. It is not called if `Beamline.fixtures` has a device of its name.
    :param beamline: whose factories and fixtures fill the parameters.
    :param policy: when the device is connected.
    :param optional: whether a beamline counts as connected without it.
    :param timeout: of a connection, in seconds.
    :param mock: whether to connect without hardware unless a call says otherwise.
    :param skip: whether to leave the device out when a whole beamline is made or connected.
    :param prefix: what the device's PVs start with; fills a parameter of that name.
    :param ioc: that serves the device; named by the outline of what is missing.
    :raises TypeError: if a parameter is named connect, mock or timeout, which are reserved.
    """

    def __init__(
        self,
        function: Callable[..., DeviceT_co],
        beamline: ArgumentSource | None = None,
        *,
        policy: Policy = Policy.LAZY,
        optional: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        mock: bool = False,
        skip: bool | Callable[[], bool] = False,
        prefix: str = "",
        ioc: str = "",
    ) -> None:
        self._late = LateNames(function, {} if beamline is None else beamline.late)
        update_wrapper(self, function)  # `__wrapped__` too
        self.name = function.__name__
        self.policy = policy
        self.optional = optional
        self.timeout = timeout
        self.mock = mock
        self.prefix = prefix
        self.ioc = ioc
        self._skip = skip
        self._beamline = beamline
        self._parameters = Parameters(function, beamline, prefix)
        self._making = threading.RLock()
        self._device: DeviceT_co | None = None
        self._filled: dict[str, object] = {}
        self._being_made = False
        self._connection = DeviceConnection(self.name, self._build, mock=self._is_mocked, timeout=timeout, ioc=ioc)
        _factories.append(weakref.ref(self))

    def __repr__(self) -> str:
        return f"<device factory {self.name}>"

    @property
    def __wrapped__(self) -> Callable[..., DeviceT_co]:
        """The function, with all that it names imported: who asks for its types, as `typing` does, evaluates them.

        :raises ImportError: if something late cannot be imported.
        """
        self._late.load()
        return self._function

    @__wrapped__.setter
    def __wrapped__(self, function: Callable[..., DeviceT_co]) -> None:
        self._function = function

    @property
    def skip(self) -> bool:
        """Whether to leave the device out when a whole beamline is made or connected."""
        return self._skip() if callable(self._skip) else self._skip

    @property
    def device(self) -> DeviceT_co | None:
        """The device if it has been made."""
        return self._device

    @property
    def parameters(self) -> Parameters:
        """The parameters of its function, and what fills them."""
        return self._parameters

    @property
    def connection(self) -> DeviceConnection:
        """What connects the device, for everybody who needs it."""
        return self._connection

    @property
    def state(self) -> DeviceState:
        """How far the device has come, and why it is unhappy if it is; costs no network traffic."""
        return self._connection.state or DeviceState(Stage.NOT_BUILT if self._device is None else Stage.BUILT)

    def __call__(
        self, *, connect: bool = False, mock: bool | None = None, timeout: float | None = None, **arguments: object
    ) -> DeviceT_co:
        """Return the device; the first call makes it.

        :param connect: connect it, and the devices it was made with, before returning. Needs a RunEngine and waits;
            in async code use `await factory.connect()` instead, in a plan `yield from ensure_connected(factory)`.
        :param mock: connect without hardware.
        :param timeout: of the connection, in seconds.
        :param arguments: for the parameters of the function.
        :raises TypeError: if a parameter cannot be filled, or an argument has no parameter.
        :raises ValueError: if the device was already made with another argument.
        :raises RuntimeError: if `connect` is asked for in the event loop that would connect, or without a RunEngine;
            or if an `async` fixture is needed that has not been read yet.
        :raises ConnectionFailedError: if PVs do not answer in time or have other types; shows which.
        """
        if not connect:
            return self._make(arguments)
        loop = waiting_loop(
            f"{self.name}(connect=True)",
            "use `await device.connect()` in async code, or `yield from ensure_connected(device)` in a plan",
        )
        return wait_in_loop(self._connect(arguments, mock, timeout, force_reconnect=False), loop)

    async def connect(
        self,
        *,
        mock: bool | None = None,
        timeout: float | None = None,
        force_reconnect: bool = False,
        **arguments: object,
    ) -> DeviceT_co:
        """Connect the device in the running event loop, and return it; make it if need be.

        :param mock: connect without hardware.
        :param timeout: of the connection, in seconds.
        :param force_reconnect: ask the servers again, even if the device is connected.
        :param arguments: for the parameters of the function.
        :returns: the device, connected.
        :raises TypeError: if a parameter cannot be filled, or an argument has no parameter.
        :raises ValueError: if the device was already made with another argument.
        :raises ConnectionFailedError: if PVs do not answer in time or have other types; shows which.
        """
        return await self._connect(arguments, mock, timeout, force_reconnect)

    async def _connect(
        self, arguments: Mapping[str, object], mock: bool | None, timeout: float | None, force_reconnect: bool
    ) -> DeviceT_co:
        device = await self.make(arguments)
        began = time.monotonic()
        error = await self._connection.join(mock, timeout, force_reconnect=force_reconnect)
        if error is not None:
            raise failure_of([self._connection.report(error)], "devices", time.monotonic() - began) from error
        return device

    async def make(self, arguments: Mapping[str, object] | None = None) -> DeviceT_co:
        """Return the device, made if need be; neither reading its arguments nor importing blocks the event loop.

        :param arguments: fill parameters of the function, by name.
        :raises TypeError: if a parameter cannot be filled, or an argument has no parameter.
        :raises ValueError: if the device was already made with another argument.
        :raises ImportError: if something late cannot be imported.
        """
        arguments = arguments or {}
        if self._device is None:
            if self._late.missing and self._parameters.stand_in is None:
                await asyncio.to_thread(self._late.load)
            await asyncio.gather(*(fixture.read() for fixture in self._parameters.unread(arguments)))
        return self._make(arguments)

    def _is_mocked(self) -> bool:
        return self.mock or (self._beamline is not None and self._beamline.mock)

    async def _build(self) -> tuple[Device, Sequence[DeviceConnection]]:
        device = await self.make()
        return device, [connection_of(value) for value in self._filled.values() if isinstance(value, Device)]

    def _make(self, arguments: Mapping[str, object]) -> DeviceT_co:
        self._parameters.refuse_unknown(arguments)
        if self._device is None:
            # Before any lock is taken: two threads in a circle of locks would wait for each other for ever.
            self._parameters.refuse_circle()
        with self._making:
            if self._device is not None:
                changed = [name for name, value in arguments.items() if self._filled.get(name) is not value]
                if changed:
                    raise ValueError(f"{self.name} is already made, with another {' and '.join(changed)}")
                return self._device
            if self._being_made:
                raise RuntimeError(f"{self.name} needs itself: its parameters lead back to it")
            self._being_made = True
            try:
                given = self._parameters.stand_in
                filled = {} if given else self._parameters.fill(arguments)
                device = cast("DeviceT_co", given[0]) if given else self.__wrapped__(**filled)
            finally:
                self._being_made = False
            device.set_name(self.name)
            self._filled, self._device = filled, device
            remember(device, self._connection)
        return device


_factories: list[weakref.ref[DeviceFactory[Device]]] = []


def get_device_factories(module: ModuleType | None = None) -> tuple[DeviceFactory[Device], ...]:
    """Return the device factories of a module, or of all modules imported so far, in the order they were defined.

    :param module: whose factories to give, its beamline's included.
    """
    _factories[:] = [held for held in _factories if held() is not None]
    known = [factory for held in _factories if (factory := held()) is not None]
    if module is None:
        return tuple(known)
    inside = {id(value) for value in vars(module).values()}
    for value in vars(module).values():
        if isinstance(value, ArgumentSource):
            inside.update(map(id, value.factories.values()))
    return tuple(factory for factory in known if id(factory) in inside)


class Decorator(Protocol):
    """Makes a factory of a function that makes a device."""

    def __call__(self, function: Callable[..., DeviceT], /) -> DeviceFactory[DeviceT]:
        """Make the factory."""
        ...


def device_factory(
    *,
    policy: Policy = Policy.LAZY,
    optional: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    mock: bool = False,
    skip: bool | Callable[[], bool] = False,
    prefix: str = "",
    ioc: str = "",
) -> Decorator:
    """Decorate a function that makes a device, apart from any beamline; the parameters are those of `DeviceFactory`.

    :param policy: when the device is connected.
    :param optional: whether the beamline can do without it.
    :param timeout: seconds that connecting may take.
    :param mock: whether it connects without hardware by default.
    :param skip: whether to leave it out when a whole beamline is connected; a function is called each time.
    :param prefix: what its PVs start with; fills a parameter of that name.
    :param ioc: that serves it; the outline of what is missing names it.
    :returns: a decorator, which turns the function into a factory.
    """

    def decorate(function: Callable[..., DeviceT], /) -> DeviceFactory[DeviceT]:
        return DeviceFactory(
            function, policy=policy, optional=optional, timeout=timeout, mock=mock, skip=skip, prefix=prefix, ioc=ioc
        )

    return decorate
