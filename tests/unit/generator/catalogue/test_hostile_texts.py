"""Texts of databases stay texts: whatever stands in them, the page shows it and runs nothing of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers import generator_site as site
from tests.unit.generator.catalogue.conftest import Open, write_page
from tests.unit.generator.catalogue.pages import rows

pytestmark = pytest.mark.long

SCRIPT = "</script><script>window.hacked = 1</script>"
IMAGE = "<img src=x onerror=window.hacked=1>"
HOSTILE = {
    "closing": SCRIPT,
    "image": IMAGE,
    "comment": "<!-- <script> --> ]]> <![CDATA[",
    "quotes": "\" ' ` &quot; &#39; &lt;b&gt; \\u003cb\\u003e",
    "template": "{{ 7 * 7 }} {% raw %} $& $1 %s",
    "markup": "<b onmouseover=window.hacked=1>bold</b><svg onload=window.hacked=1>",
    "link": "javascript:window.hacked=1",
    "wide": "\U0001f52c größe 温度 \u0627\u0644\u0636\u0648\u0621",
    "proto": "__proto__ constructor",
}
TURNED = "safe \u202egnp.exe\u202c \u2066x\u2069 \u200bhidden\ufeff"


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


DATABASE = "".join(
    f'record(ao, "$(P){name.upper()}") {{ field(DESC, "{escaped(text)}") field(EGU, "{escaped(text)}") }}\n'
    for name, text in HOSTILE.items()
)
STATES = ("<script>hacked=1</script>", "<img src=x onerror=h=1>", "'+alert()+'")
"""EPICS takes no longer ones."""
PREFIX = "B01-<i>-&-01:"


@pytest.fixture
def page(opened: Open, tmp_path: Path) -> Page:
    beamline = {
        "name": "b01",
        "title": f"</title>{SCRIPT}",
        "iocs": [
            {
                "name": f"IOC{IMAGE}{SCRIPT}",
                "databases": [{"file": f"{IMAGE[:8]}.template", "macros": {"P": PREFIX}}],
            }
        ],
        "overrides": {"devices": {PREFIX: {"name": "nasty", "doc": f"{SCRIPT} {TURNED}"}}},
    }
    states = " ".join(f'field({name}ST, "{text}")' for name, text in zip(("ZR", "ON", "TW"), STATES, strict=True))
    more = f'record(mbbo, "$(P)STATES") {{ {states} }}\nrecord(ao, "$(P)TURNED") {{ field(DESC, "{TURNED}") }}\n'
    files = {
        "beamline.yaml": json.dumps(beamline),
        f"{IMAGE[:8]}.template": DATABASE + more,
    }
    return opened(write_page(site.make(tmp_path, files), tmp_path / "site"), "#nasty")


def test_nothing_runs_and_everything_is_shown_as_it_is(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("nasty")
    docs = page.locator("tr.signal td.doc").all_text_contents()
    # A DESC is words: blanks at its ends and doubled ones say nothing.
    assert docs[: len(HOSTILE)] == [" ".join(text.split()) for text in HOSTILE.values()]
    units = page.locator("tr.signal .units").all_text_contents()
    assert units == list(HOSTILE.values())
    assert page.locator("tr.signal .choice").all_text_contents() == list(STATES)
    assert page.evaluate("window.hacked") is None
    assert page.locator("script").count() == 2
    assert page.locator("#detail :is(img, script, b, i, svg)").count() == 0
    assert page.title() == f"nasty · </title>{SCRIPT}"


def test_the_first_view_and_the_tree_run_nothing_either(page: Page) -> None:
    page.locator("#home").click()
    expect(page.locator("h1")).to_have_text(f"</title>{SCRIPT}")
    assert rows(page)[0] == f"IOC{IMAGE}{SCRIPT}"
    page.locator(".card h3 a").click()
    expect(page.locator("h1")).to_have_text(f"IOC{IMAGE}{SCRIPT}")
    page.locator("#search").fill("<img")
    expect(page.locator("#found")).to_have_text(re.compile("signal"))
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


def test_marks_that_turn_or_hide_text_are_shown_by_their_numbers(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("nasty")
    doc = page.locator("tr.signal td.doc").last
    shown = doc.text_content() or ""
    assert shown == "safe U+202Egnp.exeU+202C U+2066xU+2069 U+200BhiddenU+FEFF"
    assert doc.locator(".unseen").count() == 6
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", page.locator("#detail").inner_text())


def test_a_pv_is_copied_as_it_is(page: Page) -> None:
    page.locator("tr.signal").first.click()
    page.keyboard.press("c")
    expect(page.locator("#said.shown")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{PREFIX}CLOSING"
