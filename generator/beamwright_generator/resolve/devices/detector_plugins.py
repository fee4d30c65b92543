"""areaDetectors: drivers with their writers and plugins, found by following asyn ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from beamwright_generator.basics.text_prefix import text_prefix
from beamwright_generator.resolve.devices.placed_instance import Seen
from beamwright_generator.resolve.naming.identifiers import Names, snake
from beamwright_generator.resolve.naming.prefixes import SEPARATORS
from beamwright_generator.tables.ophyd_async_classes import device_members

DRIVER: Final = "ophyd_async.epics.adcore.ADBaseIO"
WRITER: Final = "ophyd_async.epics.adcore.NDFileHDF5IO"
PLUGIN_TEMPLATE: Final = "NDPluginBase.template"
_MEMBERS: Final = frozenset(
    {
        *("driver", "get_plugin", "add_detector_logics", "add_config_signals", "config_sigs"),
        *("events_to_kickoff", "get_trigger_deadtime"),
    }
)


@dataclass(frozen=True, slots=True)
class Composition:
    """A driver with everything that its frames reach.

    :param prefix: what the prefixes of all of them have in common.
    :param attributes: of the driver and the plugins, in load order.
    :param frames: the ways that frames go, each from an attribute to another.
    """

    driver: Seen
    writer: Seen | None
    plugins: tuple[Seen, ...]
    prefix: str
    attributes: Mapping[int, str]
    frames: tuple[tuple[str, str], ...]
    chain: str


def compose(seen: Sequence[Seen]) -> Iterator[Composition]:
    """Find each driver and the plugins that listen to it, also through other plugins."""
    plugins = [one for one in seen if PLUGIN_TEMPLATE in one.content.templates and one.macro("PORT")]
    listeners: dict[str, list[Seen]] = {}
    for plugin in plugins:
        listeners.setdefault(plugin.macro("NDARRAY_PORT"), []).append(plugin)
    for driver in seen:
        if driver.extends(DRIVER) and driver.macro("PORT"):
            yield _composition(driver, listeners, plugins)


def _composition(driver: Seen, listeners: Mapping[str, Sequence[Seen]], plugins: Sequence[Seen]) -> Composition:
    reached: dict[int, Seen] = {}
    ports, waiting = {driver.macro("PORT")}, [driver]
    heard: list[tuple[Seen, list[Seen]]] = []
    while waiting:
        talker = waiting.pop(0)
        found = [p for p in listeners.get(talker.macro("PORT"), ()) if id(p) not in reached]
        if found:
            heard.append((talker, found))
        for plugin in found:
            reached[id(plugin)] = plugin
            if plugin.macro("PORT") not in ports:
                ports.add(plugin.macro("PORT"))
                waiting.append(plugin)
    ordered = [plugin for plugin in plugins if id(plugin) in reached]
    prefix = _common([driver.prefix, *(plugin.prefix for plugin in ordered)])
    names = Names(reserved=device_members() | _MEMBERS, what="device")
    labels = {id(one): _label(one.prefix, prefix) for one in (driver, *ordered)}
    attributes = {id(one): names.take(snake(labels[id(one)]) or snake(one.content.stem)) for one in ordered}
    attributes[id(driver)] = "driver"
    frames = tuple((attributes[id(talker)], attributes[id(plugin)]) for talker, found in heard for plugin in found)
    chain = "; ".join(f"{labels[id(t)]} -> {', '.join(labels[id(p)] for p in found)}" for t, found in heard)
    writer = next((plugin for plugin in ordered if plugin.extends(WRITER)), None)
    return Composition(driver, writer, tuple(ordered), prefix, attributes, frames, chain or labels[id(driver)])


def _common(prefixes: Sequence[str]) -> str:
    common = text_prefix(prefixes)
    if len(set(prefixes)) == 1:
        common = common.rstrip(SEPARATORS)
    return common[: max(common.rfind(separator) for separator in SEPARATORS) + 1]


def _label(prefix: str, common: str) -> str:
    return prefix[len(common) :].strip(SEPARATORS) or prefix.strip(SEPARATORS)
