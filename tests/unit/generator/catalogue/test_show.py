"""`gen show`: what it writes, that it is always the same, and that it loads nothing and runs only its own script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from beamwright_generator.cli.gen import main
from tests.helpers import generator_site as site
from tests.unit.generator.conftest import Gen


class Elements(HTMLParser):
    """Collects the elements of a page with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in self.texts:
            self.texts[self.found[-1][0]][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", {}))


def data(page: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(Elements(page.read_text(encoding="utf-8")).texts["script"][0])
    return loaded


def test_it_writes_one_page_and_says_what_is_in_it(gen: Gen, folder: Path) -> None:
    result = gen("show")
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"wrote site/index\.html: 1 device, \d+ signals?, 0\.\d MB\n", result.stdout)
    assert [path.name for path in (folder / "site").iterdir()] == ["index.html"]


def test_the_page_goes_where_it_is_wanted(gen: Gen, folder: Path) -> None:
    assert gen("show", "--quiet", "-o", "public/b01").output == ""
    assert gen("show", "--quiet", "-o", "public/pumps.html").output == ""
    pages = [folder / "public/b01/index.html", folder / "public/pumps.html"]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_generated_beamline_is_shown_by_its_name(gen: Gen, folder: Path) -> None:
    gen("beamline", "--quiet")
    assert gen("show", "b01", "-o", "named.html").exit_code == 0
    assert data(folder / "named.html")["name"] == "b01"


def test_errors_leave_the_page_as_it_was(gen: Gen, folder: Path) -> None:
    gen("show", "--quiet")
    before = site.snapshot(folder / "site")
    (folder / "beamline.yaml").write_text(site.beamline("b01", "gone.template A:"))
    result = gen("show")
    assert result.exit_code == 1
    assert "error[database-missing]" in result.stderr
    assert result.stderr.endswith("nothing was written\n")
    assert site.snapshot(folder / "site") == before


def test_strict_refuses_warnings(gen: Gen, folder: Path) -> None:
    more = 'overrides: {devices: {"NOWHERE:": {name: none}}}\n'
    (folder / "beamline.yaml").write_text(site.beamline(more=more))
    result = gen("show", "--strict")
    assert result.exit_code == 1
    assert not (folder / "site").exists()
    assert gen("show").exit_code == 0
    problems = data(folder / "site/index.html")["problems"]
    assert isinstance(problems, list)
    assert [problem["code"] for problem in problems] == ["override-unused"]


@pytest.mark.parametrize("arguments", [("nowhere.yaml",), ("--nothing",)])
def test_wrong_arguments_are_usage_errors(gen: Gen, arguments: tuple[str, ...]) -> None:
    assert gen("show", *arguments).exit_code == 2


def test_a_place_that_cannot_be_written_is_said(gen: Gen, folder: Path) -> None:
    (folder / "site").write_text("a file\n")
    result = gen("show")
    assert result.exit_code == 1
    assert "cannot write site/index.html" in result.stderr


@pytest.mark.long
@pytest.mark.parametrize("seed", ["0", "4711"])
def test_the_same_descriptions_give_the_same_page(repository: Path, tmp_path: Path, seed: str) -> None:
    file = repository / "examples" / "x01" / "beamline.yaml"
    for out in ("one", "other"):
        subprocess.run(
            [sys.executable, "-m", "beamwright_generator.cli", "show", file, "-o", tmp_path / out, "--quiet"],
            env={"PYTHONHASHSEED": seed if out == "one" else "1", "PYTHONPATH": ":".join(sys.path)},
            cwd=repository if out == "one" else tmp_path,
            check=True,
            timeout=120,
        )
    assert (tmp_path / "one/index.html").read_bytes() == (tmp_path / "other/index.html").read_bytes()


def test_the_page_says_nothing_of_the_machine_it_was_made_on(repository: Path, tmp_path: Path) -> None:
    file = repository / "examples" / "x01" / "beamline.yaml"
    assert CliRunner().invoke(main, ["show", str(file), "-o", str(tmp_path), "--quiet"]).exit_code == 0
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert str(repository) not in text
    assert str(tmp_path) not in text


def test_the_page_loads_nothing_and_runs_only_its_own_script(gen: Gen, folder: Path) -> None:
    gen("show", "--quiet")
    text = (folder / "site/index.html").read_text(encoding="utf-8")
    elements = Elements(text)
    tags = [tag for tag, _ in elements.found]
    assert tags.count("script") == 2
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(tags)
    assert [
        name for _, found in elements.found for name in found if name.startswith("on") or name in ("src", "style")
    ] == []
    addresses = set(re.findall(r"\w+://[\w./-]+", text.replace("ca://", "").replace("pva://", "")))
    assert addresses == {"http://www.w3.org/2000/svg"}
    policy = next(
        found["content"] for _, found in elements.found if found.get("http-equiv") == "Content-Security-Policy"
    )
    (style,) = elements.texts["style"]
    _, script = elements.texts["script"]
    assert (policy or "").split("; ") == [
        "default-src 'none'",
        f"script-src '{digest(script)}'",
        f"style-src '{digest(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def test_the_script_makes_no_markup_of_texts(repository: Path) -> None:
    scripts = sorted((repository / "templates/beamwright_templates/catalogue").glob("*.js"))
    assert len(scripts) >= 8
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
    code = r"eval\(|new Function|javascript:|import\(|fetch\(|XMLHttpRequest"
    for script in scripts:
        assert re.findall(f"{markup}|{code}", script.read_text(encoding="utf-8")) == [], script.name


def test_no_text_can_end_the_element_that_the_data_stands_in(gen: Gen, folder: Path) -> None:
    hostile = "</script><!--<script>\u2028 &amp;"
    (folder / "beamline.yaml").write_text(
        site.beamline(more=f'overrides: {{devices: {{"B01-PUMP-01:": {{doc: {json.dumps(hostile)}}}}}}}\n')
    )
    gen("show", "--quiet")
    devices = data(folder / "site/index.html")["devices"]
    assert isinstance(devices, list)
    assert devices[0]["doc"].startswith("</script><!--<script>")
