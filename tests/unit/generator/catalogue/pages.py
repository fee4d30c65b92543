"""What tests ask of an opened page."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def rows(page: Page) -> list[str]:
    """Give the labels of the tree's rows in the document, in order."""
    return page.locator("#tree [role=treeitem] .label").all_inner_texts()


def current(page: Page) -> str:
    """Give the label of the row that the keyboard is on."""
    name = page.locator("#tree").get_attribute("aria-activedescendant")
    return page.locator(f"#{name} .label").inner_text()


def press(page: Page, *keys: str) -> None:
    """Press keys, one after the other, wherever the focus is."""
    for key in keys:
        page.keyboard.press(key)


def search(page: Page, words: str, found: str) -> None:
    """Type into the search, and wait for what it says it found."""
    press(page, "/")
    page.keyboard.type(words)
    expect(page.locator("#found")).to_have_text(found)


def clipboard(page: Page) -> str:
    """Give what was copied; waits for the page to say so."""
    expect(page.locator("#said.shown")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))
