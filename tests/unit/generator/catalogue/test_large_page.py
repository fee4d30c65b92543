"""A page of many records keeps few of them in the document, and leads to the last as to the first."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers import generator_site as site
from tests.unit.generator.catalogue.conftest import Open, write_page
from tests.unit.generator.catalogue.pages import current, press, search

pytestmark = pytest.mark.long

DEVICES, RECORDS = 40, 500


@pytest.fixture
def page(opened: Open, tmp_path: Path) -> Page:
    template = "".join(f'record(ai, "$(P)VALUE{number:03}") {{}}\n' for number in range(RECORDS))
    databases = [f"many.template B01-EA-MANY-{number:02}:" for number in range(DEVICES)]
    files = {"many.template": template, "beamline.yaml": site.beamline("b01", *databases)}
    return opened(write_page(site.make(tmp_path, files), tmp_path / "site"))


def test_only_what_is_in_sight_is_in_the_document(page: Page) -> None:
    search(page, "value", f"{DEVICES * RECORDS:,} signals in {DEVICES} devices")
    assert page.locator("#tree [role=treeitem]").count() < 100
    page.locator("#tree").focus()
    press(page, "End")
    assert current(page) == f"value{RECORDS - 1}"
    press(page, "Enter")
    expect(page.locator("tr.wanted")).to_be_in_viewport()
    assert page.locator("tr.wanted .pv").inner_text() == f"B01-EA-MANY-{DEVICES - 1:02}:VALUE{RECORDS - 1}"
    press(page, "Home", "PageDown")
    assert page.locator("tr.signal").count() < RECORDS


def test_the_table_grows_as_it_is_walked(page: Page) -> None:
    page.goto(f"{page.url.partition('#')[0]}#many_05/")
    table = page.locator("tr.signal")
    expect(table).to_have_count(300)
    page.locator("tr.signal").last.focus()
    press(page, "ArrowDown")
    expect(page.locator("tr.signal:focus th code")).to_have_text("value300")
    expect(table).to_have_count(RECORDS)
    expect(page.get_by_role("button", name="more")).to_be_hidden()


def test_the_rows_before_an_addressed_one_are_brought_on_demand(page: Page) -> None:
    page.goto(f"{page.url.partition('#')[0]}#many_05//value450")
    expect(page.locator("tr.wanted th code")).to_have_text("value450")
    page.get_by_role("button", name="350 signals before").click()
    expect(page.get_by_role("button", name="50 signals before")).to_be_visible()
    page.get_by_role("button", name="50 signals before").click()
    expect(page.locator("tr.signal").first.locator("th code")).to_have_text("value000")
    expect(page.locator("tr.signal")).to_have_count(RECORDS)
