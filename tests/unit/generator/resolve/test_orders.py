"""Bases are ordered as Python orders them: every choice is tried with real classes."""

from __future__ import annotations

from importlib import import_module
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamwright_generator.model import ClassRef
from beamwright_generator.resolve.classes.base_order import READABLE, RECORDS, Orders
from beamwright_generator.resolve.signals.record_signals import MOTOR
from beamwright_generator.tables.ophyd_async_classes import lookup_order, shipped_paths

AD = "ophyd_async.epics.adcore"
BASES = [RECORDS, MOTOR, *(ClassRef(*path.rsplit(".", 1)) for path in shipped_paths())]


def real(ref: ClassRef) -> Any:
    return getattr(import_module(ref.module), ref.name)


def own(name: str) -> ClassRef:
    return ClassRef("", name)


def adcore(name: str) -> ClassRef:
    return ClassRef(AD, name)


def orders_of(**bases: tuple[ClassRef, ...]) -> Orders:
    orders = Orders()
    for name, above in bases.items():
        orders.add(own(name), above, readable=False)
    return orders


@pytest.mark.parametrize("ref", [*BASES, READABLE], ids=lambda ref: ref.name)
def test_the_order_of_a_shipped_class_begins_with_it(ref: ClassRef) -> None:
    assert lookup_order(f"{ref.module}.{ref.name}")[0] == f"{ref.module}.{ref.name}"
    assert [one.name for one in Orders().of(ref)] == [
        cls.__name__ for cls in real(ref).__mro__ if cls.__name__ not in ("Generic", "Protocol", "object")
    ]


@given(st.lists(st.sampled_from(BASES), min_size=1, max_size=4, unique=True))
def test_shipped_classes_are_chosen_so_that_python_takes_them(wanted: list[ClassRef]) -> None:
    orders = Orders()
    chosen = orders.fitting(wanted)
    made = type("Made", tuple(map(real, chosen)), {})
    found = orders.of_bases(chosen)
    assert found is not None
    assert [ref.name for ref in found] == [
        cls.__name__ for cls in made.__mro__[1:] if cls.__name__ not in ("Generic", "Protocol", "object")
    ]
    for ref in wanted:
        assert issubclass(made, real(ref)) or wanted.index(ref) > 0, "the first is never left out"


@given(
    st.integers(2, 7).flatmap(
        lambda count: st.tuples(
            *(st.lists(st.sampled_from(range(n)), max_size=4) if n else st.just([]) for n in range(count))
        )
    ),
    st.data(),
)
def test_any_wishes_give_bases_that_python_takes(wishes: tuple[list[int], ...], data: st.DataObject) -> None:
    orders = Orders()
    made: list[type] = []
    for number, wish in enumerate(wishes):
        chosen = orders.fitting([own(str(one)) for one in wish])
        orders.add(own(str(number)), chosen, readable=data.draw(st.booleans()))
        made.append(type(str(number), tuple(made[int(ref.name)] for ref in chosen) or (object,), {}))
        given_order = tuple(dict.fromkeys(own(str(one)) for one in wish))
        if orders.of_bases(given_order) is not None and set(chosen) == set(given_order):
            assert chosen == given_order, "an order that Python takes stays"
        generated = [ref.name for ref in orders.of(own(str(number))) if ref.name.isdigit()]
        assert generated[0] == str(number)
        assert set(generated) == {cls.__name__ for cls in made[-1].__mro__[:-1]}


def test_what_a_base_extends_is_left_out() -> None:
    orders = orders_of(Base=(), Track=(own("Base"),), Plugin=(RECORDS, adcore("NDPluginBaseIO")))
    assert orders.fitting([own("Base"), own("Track")]) == (own("Track"),)
    assert orders.fitting([own("Track"), own("Base"), own("Track"), RECORDS]) == (own("Track"),)
    wanted = [own("Plugin"), adcore("NDArrayBaseIO"), adcore("NDROIIO"), adcore("NDPluginBaseIO")]
    assert orders.fitting(wanted) == (own("Plugin"), adcore("NDROIIO"))


def test_bases_are_put_in_an_order_that_theirs_allow() -> None:
    file, plugin = adcore("NDFileIO"), adcore("NDPluginBaseIO")
    orders = orders_of(A=(), B=(), AB=(own("A"), own("B")))
    assert orders.fitting([file, plugin]) == (file, plugin)
    assert orders.fitting([file, adcore("NDPluginFileIO")]) == (adcore("NDPluginFileIO"),)
    orders.add(own("BC"), (own("B"),), readable=False)
    assert orders.fitting([own("BC"), own("AB")]) == (own("BC"), own("AB"))
    for wanted in permutations([own("AB"), own("BC"), own("A")]):
        assert set(orders.fitting(wanted)) == {own("AB"), own("BC")}


def test_a_base_that_contradicts_the_others_is_left_out() -> None:
    orders = orders_of(A=(), B=(), AB=(own("A"), own("B")), BA=(own("B"), own("A")))
    assert orders.fitting([own("AB"), own("BA")]) == (own("AB"),)
    assert orders.of_bases([own("AB"), own("BA")]) is None
    with pytest.raises(ValueError, match="AB, BA: they have no order"):
        orders.add(own("Both"), (own("AB"), own("BA")), readable=False)


def test_classes_are_taken_up_in_any_order() -> None:
    orders = Orders.of_types({own("B"): ((own("A"),), False), own("A"): ((), True)})
    assert orders.of(own("B"))[:3] == (own("B"), own("A"), RECORDS)
    assert READABLE in orders.of(own("B"))
