"""The catalogue of the example in a browser: looked through with keys alone, searched, and copied from."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.unit.generator.catalogue.conftest import Open, write_page
from tests.unit.generator.catalogue.pages import clipboard, current, press, rows, search

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the example."""
    return write_page(repository / "examples" / "x01" / "beamline.yaml", tmp_path_factory.mktemp("site"))


@pytest.fixture
def page(opened: Open, site: Path) -> Page:
    """The example's page, just opened."""
    page = opened(site)
    expect(page.locator("h1")).to_have_text("BL01X")
    return page


def test_the_first_view_counts_what_there_is(page: Page) -> None:
    assert page.locator(".figures").inner_text().split("\n")[:4] == ["16", "devices", "1,148", "signals"]
    assert page.locator(".card h3").all_inner_texts() == [
        "BL01X-MO-IOC-01",
        "BL01X-EA-IOC-01",
        "BL01X-VA-IOC-01",
        "BL01X-EA-IOC-02",
    ]
    assert page.title() == "BL01X"


def test_the_tree_is_walked_with_arrow_keys(page: Page) -> None:
    page.locator("#tree").focus()
    assert current(page) == "BL01X-MO-IOC-01"
    press(page, "ArrowDown")
    assert current(page) == "stage_x"
    press(page, "ArrowLeft", "ArrowLeft")
    assert current(page) == "BL01X-MO-IOC-01"
    assert "stage_x" not in rows(page)
    press(page, "ArrowDown", "ArrowDown")
    assert current(page) == "camera"
    press(page, "ArrowRight")
    assert rows(page)[2:7] == ["camera", "driver", "hdf5", "stat", "roi"]
    press(page, "ArrowRight", "ArrowDown")
    assert current(page) == "hdf5"
    press(page, "End")
    assert current(page) == "panda"
    press(page, "Home", "*")
    assert current(page) == "BL01X-MO-IOC-01"
    assert "stage_x" in rows(page)


def test_rows_of_the_tree_tell_their_place_to_a_screen_reader(page: Page) -> None:
    page.locator("#tree").focus()
    row = page.get_by_role("treeitem", name="stage_y")
    facts = {name: row.get_attribute(f"aria-{name}") for name in ("level", "posinset", "setsize", "expanded")}
    assert facts == {"level": "2", "posinset": "2", "setsize": "6", "expanded": None}
    root = page.get_by_role("treeitem", name="BL01X-MO-IOC-01")
    assert root.get_attribute("aria-expanded") == "true"
    row.click()
    expect(row).to_have_attribute("aria-selected", "true")
    expect(page.locator("h1")).to_have_text("stage_y")


def test_a_device_shows_its_facts(page: Page) -> None:
    page.get_by_role("treeitem", name="va_gauge_01").click()
    expect(page.locator("h1")).to_have_text("va_gauge_01")
    facts = dict(
        zip(page.locator(".facts dt").all_inner_texts(), page.locator(".facts dd").all_inner_texts(), strict=True)
    )
    assert {name: text.strip() for name, text in facts.items()} == {
        "Class": "Gauge beamwright_generated.devices.gauge",
        "Prefix": "BL01X-VA-GAUGE-01:",
        "Protocol": "Channel Access",
        "IOC": "BL01X-VA-IOC-01",
        "Policy": "lazy connected when a plan first needs it",
        "Loaded at": "examples/x01/ioc/vacuum/vacuum.substitutions:6",
        "Made from": "examples/x01/ioc/vacuum/gauge.template",
        "In Python": "x01.va_gauge_01()",
    }
    signals = page.locator("tr.signal")
    assert signals.count() == 3
    pressure = signals.nth(0).inner_text()
    assert all(
        text in pressure for text in ("BL01X-VA-GAUGE-01:PRESSURE", "float", "mbar", "Pressure at the front end")
    )
    assert signals.nth(1).locator(".choice").all_inner_texts() == [
        "OK",
        "Under range",
        "Over range",
        "Sensor error",
        "Off",
    ]
    assert signals.nth(2).locator(".pv").all_inner_texts() == [
        "BL01X-VA-GAUGE-01:CATHODE_RBV",
        "BL01X-VA-GAUGE-01:CATHODE",
    ]
    assert signals.nth(0).locator(".at").get_attribute("title") == "examples/x01/ioc/vacuum/gauge.template:7"


def test_the_ways_of_frames_are_drawn_and_lead_to_the_plugins(page: Page) -> None:
    page.get_by_role("treeitem", name="camera").click()
    picture = page.get_by_role("group", name="Frames go from driver to hdf5, driver to stat, driver to roi")
    assert picture.locator("path.frames").count() == 3
    picture.get_by_role("link", name="stat").focus()
    press(page, "Enter")
    expect(page.locator("h1")).to_have_text("stat")


def test_a_search_finds_attributes_pvs_and_words(page: Page) -> None:
    search(page, "what starts an exposure", "1 signal in 1 device")
    assert rows(page) == ["BL01X-EA-IOC-01", "camera", "driver", "trigger_mode"]
    page.locator("#search").fill("BL01X-EA-CAM-01:HDF5:FilePath")
    expect(page.locator("#found")).to_have_text("2 signals in 1 device")
    page.locator("#search").fill("*gauge-0?:press*")
    expect(page.locator("#found")).to_have_text("3 signals in 3 devices")
    page.locator("#search").fill("nothing of the kind")
    expect(page.locator("#found")).to_have_text("Nothing is called so")
    press(page, "Escape")
    expect(page.locator("#found")).to_have_text("16 devices of 4 IOCs")
    assert page.locator("#search").input_value() == ""


def test_what_is_found_is_reached_and_copied_without_a_mouse(page: Page) -> None:
    search(page, "trigger_mode", "1 signal in 1 device")
    press(page, "Enter")
    assert current(page) == "trigger_mode"
    press(page, "c")
    assert clipboard(page) == "BL01X-EA-CAM-01:CAM:TriggerMode_RBV"
    press(page, "Enter")
    row = page.locator("tr.signal:focus")
    expect(row).to_have_class("signal wanted")
    press(page, "s")
    expect(page.locator("#said")).to_have_text("Copied BL01X-EA-CAM-01:CAM:TriggerMode")
    press(page, "ArrowDown", "c")
    expect(page.locator("#said")).to_have_text("Copied BL01X-EA-CAM-01:CAM:NumExposures_RBV")
    assert clipboard(page) == "BL01X-EA-CAM-01:CAM:NumExposures_RBV"


def test_an_address_leads_to_a_signal(opened: Open, site: Path) -> None:
    page = opened(site, "#panda//seq.2.repeats")
    wanted = page.locator("tr.wanted")
    expect(wanted).to_be_in_viewport()
    assert wanted.locator("th code").inner_text() == "seq.2.repeats"
    assert page.title() == "panda · BL01X"


@pytest.mark.parametrize("place", ["#nowhere", "#camera/nothing", "#camera/driver/nothing", "#%zz/%"])
def test_an_address_that_leads_nowhere_shows_what_it_can(opened: Open, site: Path, place: str) -> None:
    page = opened(site, place)
    expect(page.locator("h1")).to_have_text(
        {"#camera/nothing": "camera", "#camera/driver/nothing": "driver"}.get(place, "BL01X")
    )


def test_the_theme_is_the_systems_until_one_is_chosen(opened: Open, site: Path) -> None:
    page = opened(site, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    switch = page.locator("#theme")
    switch.click()
    expect(switch).to_have_text("Theme: light")
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    expect(switch).to_have_text("Theme: light")
    assert page.evaluate(ground) == light
    switch.click()
    expect(switch).to_have_text("Theme: dark")
    assert page.evaluate(ground) == dark


def test_a_narrow_window_shows_the_list_or_the_device(opened: Open, site: Path) -> None:
    page = opened(site, viewport={"width": 400, "height": 800})
    expect(page.locator("#detail")).to_be_hidden()
    page.get_by_role("treeitem", name="va_gauge_01").click()
    expect(page.locator("#side")).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.get_by_role("button", name="Devices").click()
    expect(page.locator("#tree")).to_be_focused()


def test_the_focus_goes_from_the_search_to_the_tree_to_the_device(page: Page) -> None:
    order = []
    for _ in range(7):
        press(page, "Tab")
        order.append(str(page.evaluate("document.activeElement.id || document.activeElement.className")))
    assert order[:6] == ["skip", "home", "search", "keys", "theme", "tree"]


CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["", "#camera", "#camera/driver/trigger_mode", "#panda"])
def test_every_text_stands_out_from_its_ground(opened: Open, site: Path, scheme: str, place: str) -> None:
    page = opened(site, place, color_scheme=scheme)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate(CONTRAST) == []


def test_every_control_has_a_name(page: Page) -> None:
    page.get_by_role("treeitem", name="va_gauge_01").click()
    expect(page.locator("h1")).to_have_text("va_gauge_01")
    nameless = "(all) => all.filter((one) => !one.getAttribute('aria-label') && !one.textContent.trim()).length"
    assert page.locator("button, a, input").evaluate_all(nameless) == 0
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_narrow_window_shows_a_device_again_after_the_list(opened: Open, site: Path) -> None:
    page = opened(site, viewport={"width": 400, "height": 800})
    for _ in range(2):
        page.get_by_role("treeitem", name="va_gauge_01").click()
        expect(page.locator("h1")).to_be_visible()
        page.get_by_role("button", name="Devices").click()
    page.locator("#home").click()
    expect(page.locator("h1")).to_have_text("BL01X")
    expect(page.locator("h1")).to_be_visible()
