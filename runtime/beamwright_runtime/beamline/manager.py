"""A beamline: its device factories, what they share, and connecting them when it starts.

ADR 0010 rules here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from ophyd_async.core import DEFAULT_TIMEOUT, Device

from beamwright_runtime.beamline.factory import Decorator, DeviceFactory, DeviceT, Policy
from beamwright_runtime.beamline.fixture import Fixture
from beamwright_runtime.connection.device_connection import connect_in_background
from beamwright_runtime.connection.device_state import DeviceState, Stage
from beamwright_runtime.connection.event_loop import background_loop, wait_in_loop, waiting_loop
from beamwright_runtime.connection.failure import failure_of, lines_of
from beamwright_runtime.errors import ConnectionFailedError

FunctionT = TypeVar("FunctionT", bound=Callable[[], object])


class ConnectionResult(NamedTuple):
    """What came of starting a beamline; blueapi reads it.

    :param devices: those that were made, by name. One that is not connected is among them: it may come back.
    :param build_errors: why others could not be made.
    :param connection_errors: why some of `devices` are not connected.
    :param optional: names that the beamline can do without.
    :param failure: one outline of all that is missing, also what is optional; `None` if nothing is.
    """

    devices: dict[str, Device]
    build_errors: dict[str, Exception]
    connection_errors: dict[str, Exception]
    optional: frozenset[str] = frozenset()
    failure: ConnectionFailedError | None = None

    def or_raise(self) -> dict[str, Device]:
        """Return the devices, if all that are not optional were made and connected.

        :raises ConnectionFailedError: if they were not; one outline of all that is missing.
        """
        if self.failure is not None and self.failure.sub_errors.keys() - self.optional:
            raise self.failure
        return self.devices


class Beamline:
    """The device factories of a beamline, in the order they were defined; iterating gives the factories.

    blueapi loads it as a device manager.

    :param name: what the beamline is called, such as `x01`.
    :param late: names that factories use and their module does not import, because that takes long: where each is
        imported from, the first time that such a factory makes its device or is asked for its types. Type checkers are
        told of them by imports that only they read.
    """

    def __init__(self, name: str, *, late: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.late: Mapping[str, str] = MappingProxyType(dict(late or {}))
        self.fixtures: dict[str, object] = {}
        """Fills factories' parameters by name, such as `path_provider`; before factories and fixture functions do."""
        self.mock = False
        """Whether devices are connected without hardware unless a call says otherwise."""
        self._factories: dict[str, DeviceFactory[Device]] = {}
        self._fixture_functions: dict[str, Fixture] = {}
        self._included: list[Beamline] = []
        self._includers: list[Beamline] = []

    def __repr__(self) -> str:
        return f"<beamline {self.name}: {len(self)} devices>"

    def __iter__(self) -> Iterator[DeviceFactory[Device]]:
        return iter(self.factories.values())

    def __len__(self) -> int:
        return len(self.factories)

    @property
    def factories(self) -> Mapping[str, DeviceFactory[Device]]:
        """The factories by the name of their device, with those of the beamlines that are included."""
        if not self._included:
            return MappingProxyType(self._factories)
        together = dict(self._factories)
        for other in self._included:
            together.update(other.factories)
        return MappingProxyType(together)

    @property
    def states(self) -> Mapping[str, DeviceState]:
        """How far each device has come, and why it is unhappy if it is; costs no network traffic."""
        return {factory.name: factory.state for factory in self}

    def summary(self) -> str:
        """Return one line of totals, and an outline of what is wrong with the devices that are unhappy."""
        states = self.states
        totals = [
            f"{count} {words}"
            for words, stages in (
                ("unhappy", {Stage.UNHAPPY}),
                ("under way", {Stage.QUEUED, Stage.CONNECTING}),
                ("not asked for", {Stage.NOT_BUILT, Stage.BUILT}),
            )
            if (count := sum(state.stage in stages for state in states.values()))
        ]
        connected = sum(state.stage is Stage.CONNECTED for state in states.values())
        lines = [", ".join([f"{self.name}: {connected} of {len(states)} devices connected", *totals])]
        # With those that are connected, which tell that their IOC answers.
        reports = [
            factory.connection.report(states[factory.name].error, factory.optional)
            for factory in self
            if states[factory.name].stage in (Stage.UNHAPPY, Stage.CONNECTED)
        ]
        return "\n".join([*lines, *lines_of(reports)])

    def factory(
        self,
        *,
        policy: Policy = Policy.LAZY,
        optional: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        mock: bool = False,
        skip: bool | Callable[[], bool] = False,
        prefix: str = "",
        ioc: str = "",
    ) -> Decorator:
        """Decorate a function that makes a device of this beamline; the parameters are those of `DeviceFactory`.

        :param policy: when the device is connected.
        :param optional: whether the beamline can do without it.
        :param timeout: seconds that connecting may take.
        :param mock: whether it connects without hardware by default.
        :param skip: whether to leave it out when a whole beamline is connected; a function is called each time.
        :param prefix: what its PVs start with; fills a parameter of that name.
        :param ioc: that serves it; the outline of what is missing names it.
        :returns: a decorator, which turns the function into a factory.
        :raises ValueError: if the beamline has a device of that name.
        """

        def decorate(function: Callable[..., DeviceT], /) -> DeviceFactory[DeviceT]:
            factory = DeviceFactory(
                function,
                self,
                policy=policy,
                optional=optional,
                timeout=timeout,
                mock=mock,
                skip=skip,
                prefix=prefix,
                ioc=ioc,
            )
            for beamline in self._scopes():
                if factory.name in beamline.factories:
                    raise ValueError(f"beamline {beamline.name} already has a device {factory.name}")
            self._factories[factory.name] = factory
            return factory

        return decorate

    def fixture(self, function: FunctionT) -> FunctionT:
        """Decorate a function that gives what several factories take as the parameter of its name.

        It is called once, when the first device needs it; an `async` function is awaited when that device connects.
        A value in `fixtures` goes before it.

        :param function: takes no parameters; its result fills the parameters that have its name.
        :returns: the function itself.
        :raises TypeError: if the function has parameters.
        """
        fixture = Fixture(function)
        self._fixture_functions[fixture.name] = fixture
        return function

    def include(self, other: Beamline) -> None:
        """Include the devices and fixtures of another beamline.

        The devices are the same in both. What this beamline has in `fixtures` reaches them, before what the other has.

        :param other: stays usable by itself.
        :raises ValueError: if both have a device of one name, or the other includes this one.
        """
        if self is other or self in other._reached():
            raise ValueError(f"beamline {self.name} cannot include {other.name}, which includes it")
        for beamline in self._scopes():
            if twice := sorted(beamline.factories.keys() & other.factories.keys()):
                raise ValueError(f"beamlines {beamline.name} and {other.name} both have {', '.join(twice)}")
        self._included.append(other)
        other._includers.append(self)

    def _reached(self) -> list[Beamline]:
        """Return the beamlines that are included, theirs too."""
        # Beamlines look into each other, here and below: that is no private member of something else.
        return [beamline for other in self._included for beamline in (other, *other._reached())]  # noqa: SLF001

    def _scopes(self) -> list[Beamline]:
        """Return the beamline itself and those that include it, from the inside out."""
        return [self, *(scope for includer in self._includers for scope in includer._scopes())]  # noqa: SLF001

    def fixture_value(self, name: str) -> tuple[object] | None:
        """Return the value that fills a parameter before any factory does, if there is one."""
        for beamline in reversed(self._scopes()):
            if name in beamline.fixtures:
                return (beamline.fixtures[name],)
        return None

    def fixture_function(self, name: str) -> Fixture | None:
        """Return the fixture function of that name, if there is one."""
        for beamline in self._scopes():
            for reached in (beamline, *beamline._reached()):  # noqa: SLF001
                if name in reached._fixture_functions:  # noqa: SLF001
                    return reached._fixture_functions[name]  # noqa: SLF001
        return None

    def start(
        self, *policies: Policy, mock: bool | None = None, timeout: float | None = None
    ) -> Future[ConnectionResult]:
        """Begin to make and connect devices in the background, and return at once.

        A device that a plan needs meanwhile connects at once. One that does not answer, or cannot be made, stops
        neither the others nor the beamline: `states` tells why it is unhappy, and the next plan tries it again.

        :param policies: of the devices to connect, eager by default.
        :param mock: connect without hardware, also what is connected later.
        :param timeout: of each attempt, in seconds; by default what each factory says.
        :returns: what came of it, when all attempts have ended. Cancelling it keeps what is connected.
        :raises RuntimeError: if there is neither a RunEngine nor a running event loop.
        """
        loop = background_loop(f"{self.name}.start()")
        if mock is not None:
            self.mock = mock
        chosen = [factory for factory in self if factory.policy in (policies or (Policy.EAGER,)) and not factory.skip]
        return asyncio.run_coroutine_threadsafe(self._connect(chosen, mock, timeout), loop)

    def build_and_connect(
        self, *, mock: bool = False, timeout: float | None = None, fixtures: dict[str, Any] | None = None
    ) -> ConnectionResult:
        """Make all devices, connect the eager ones, and wait for them; blueapi calls this when it starts.

        Devices that do not answer are reported, never raised. The others connect when a plan needs them, see
        `ensure_connected` and `connected` in `beamwright_runtime.plans`.

        :param mock: connect without hardware, also what is connected later.
        :param timeout: of each attempt, in seconds; by default what each factory says.
        :param fixtures: fill factories' parameters by name; a device of a factory's name stands for its device.
        :returns: the devices, and what failed.
        :raises RuntimeError: without a RunEngine, or in its event loop.
        """
        loop = waiting_loop(f"{self.name}.build_and_connect()", "use `start()`, and await what it returns")
        self.fixtures.update(fixtures or {})
        self.mock = mock
        return wait_in_loop(self._build_and_connect(mock, timeout), loop)

    async def _build_and_connect(self, mock: bool, timeout: float | None) -> ConnectionResult:
        began = time.monotonic()
        factories = [factory for factory in self if not factory.skip]
        eager = [factory for factory in factories if factory.policy is Policy.EAGER]
        connections = [factory.connection for factory in eager]
        connecting = asyncio.create_task(connect_in_background(connections, mock or None, timeout))
        outcomes = await asyncio.gather(*(factory.make() for factory in factories), return_exceptions=True)
        not_made = {
            factory.name: outcome
            for factory, outcome in zip(factories, outcomes, strict=True)
            if isinstance(outcome, Exception)
        }
        errors = not_made | await connecting
        tried = [factory for factory in factories if factory in eager or factory.name in errors]
        return self._result(factories, tried, errors, time.monotonic() - began)

    async def _connect(
        self, factories: list[DeviceFactory[Device]], mock: bool | None, timeout: float | None
    ) -> ConnectionResult:
        began = time.monotonic()
        errors = await connect_in_background((factory.connection for factory in factories), mock, timeout)
        return self._result(factories, factories, errors, time.monotonic() - began)

    def _result(
        self,
        factories: list[DeviceFactory[Device]],
        tried: list[DeviceFactory[Device]],
        errors: Mapping[str, Exception],
        seconds: float,
    ) -> ConnectionResult:
        made = {factory.name: factory.device for factory in factories if factory.device is not None}
        reports = [factory.connection.report(errors.get(factory.name), factory.optional) for factory in tried]
        return ConnectionResult(
            devices=made,
            build_errors={name: error for name, error in errors.items() if name not in made},
            connection_errors={name: error for name, error in errors.items() if name in made},
            optional=frozenset(factory.name for factory in factories if factory.optional),
            failure=failure_of(reports, self.name, seconds) if errors else None,
        )
