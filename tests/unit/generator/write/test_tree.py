"""Texts against the disk: the four states, atomic writing, and a manifest that says what belongs to whom."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from beamwright_generator.write.disk import read
from beamwright_generator.write.manifest import Manifest, sha256
from beamwright_generator.write.output_plan import MANIFEST, Difference, State, compare, is_current, write
from tests.helpers import generator_site as site

TEXTS = {"devices/a.py": "a\n", "beamlines/b.py": "b\n"}


def manifest(texts: dict[str, str] | None = None, name: str = "b01", inputs: dict[str, str] | None = None) -> Manifest:
    entry = Manifest.entry(TEXTS if texts is None else texts, inputs or {}, [], "g")
    return Manifest({"generator": "g"}, {name: entry})


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as it was written."""
    package = tmp_path / "generated"
    write(compare(TEXTS, package, Manifest({}, {}), "b01"), package, manifest())
    return package


def states(package: Path, texts: dict[str, str] = TEXTS, name: str = "b01") -> dict[str, State]:
    return {d.path: d.state for d in compare(texts, package, Manifest.read(package), name)}


def test_nothing_differs_after_writing(package: Path) -> None:
    assert states(package) == {}
    assert set(site.snapshot(package)) == {*TEXTS, MANIFEST}


def test_the_four_states(package: Path) -> None:
    (package / "devices/a.py").unlink()
    (package / "devices/new.py").write_text("")
    assert states(package) == {"devices/a.py": State.MISSING, "devices/new.py": State.EXTRA}
    (package / "devices/a.py").write_text("edited\n")
    assert states(package)["devices/a.py"] is State.EDITED
    assert states(package, {**TEXTS, "beamlines/b.py": "new\n"})["beamlines/b.py"] is State.CHANGED


def test_a_file_that_the_manifest_does_not_know_is_changed_not_edited(package: Path) -> None:
    (package / "devices/c.py").write_text("c\n")
    assert states(package, {**TEXTS, "devices/c.py": "d\n"}) == {"devices/c.py": State.CHANGED}


def test_files_elsewhere_in_the_package_are_nobodys_business(package: Path) -> None:
    (package / "README.md").write_text("x")
    (package / "devices/__pycache__").mkdir()
    (package / "devices/__pycache__/a.pyc").write_bytes(b"\x00")
    assert states(package) == {}


def test_deep_and_hidden_files_are_seen(package: Path) -> None:
    (package / "devices/deep/er").mkdir(parents=True)
    (package / "devices/deep/er/x.py").write_text("")
    (package / "devices/.x.py").write_text("")
    assert states(package) == {"devices/.x.py": State.EXTRA, "devices/deep/er/x.py": State.EXTRA}


def test_a_binary_file_in_place_of_a_module_differs(package: Path) -> None:
    (package / "devices/a.py").write_bytes(b"\xff\x00")
    assert states(package) == {"devices/a.py": State.EDITED}
    assert read(package / "devices/a.py") == ""
    assert read(package / "devices/none.py") is None


def test_line_ends_count(package: Path) -> None:
    (package / "devices/a.py").write_bytes(b"a\r\n")
    assert states(package) == {"devices/a.py": State.EDITED}


def test_what_another_beamline_owns_is_not_extra(package: Path) -> None:
    assert states(package, {}, "b02") == {}
    assert states(package, {}, "b01") == dict.fromkeys(TEXTS, State.EXTRA)


def test_writing_leaves_no_other_files_and_follows_the_umask(package: Path) -> None:
    before = os.umask(0o027)
    try:
        done = write(compare({"devices/a.py": "new\n"}, package, manifest(), "b02"), package, manifest())
    finally:
        os.umask(before)
    assert [d.path for d in done] == ["devices/a.py"]
    assert stat.S_IMODE((package / "devices/a.py").stat().st_mode) == 0o640
    assert set(site.snapshot(package)) == {*TEXTS, MANIFEST}


def test_a_write_that_fails_leaves_the_old_file(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = site.snapshot(package)

    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write([Difference("devices/a.py", State.CHANGED, "new\n", "a\n")], package, manifest())
    assert site.snapshot(package) == before


def test_only_owned_files_are_removed(package: Path) -> None:
    (package / "devices/mine.py").write_text("mine\n")
    done = write(compare({}, package, Manifest.read(package), "b01"), package, manifest({}))
    assert {d.path for d in done} == set(TEXTS)
    assert set(site.snapshot(package)) == {"devices/mine.py", MANIFEST}


def test_the_difference_is_a_unified_diff() -> None:
    shown = Difference("a.py", State.CHANGED, "1\n3\n", "1\n2\n").unified("gen/a.py")
    assert shown.splitlines() == [
        "--- gen/a.py (on disk)",
        "+++ gen/a.py (descriptions)",
        "@@ -1,2 +1,2 @@",
        " 1",
        "-2",
        "+3",
    ]


def test_the_manifest_reads_what_it_writes(package: Path) -> None:
    again = Manifest.read(package)
    assert again == manifest()
    assert again.outputs("b01") == {path: sha256(text) for path, text in TEXTS.items()}
    assert again.owners("devices/a.py") == ["b01"]
    assert again.owners("devices/a.py", besides="b01") == []
    assert Manifest.read(package / "nowhere") == Manifest({}, {})


def test_current_means_inputs_outputs_and_generator(package: Path, tmp_path: Path) -> None:
    (tmp_path / "in.db").write_text("x")
    now = manifest(inputs={"in.db": sha256("x")})
    assert is_current(now, "b01", package, tmp_path.joinpath, "g")
    assert not is_current(now, "b01", package, tmp_path.joinpath, "newer")
    assert not is_current(now, "b02", package, tmp_path.joinpath, "g")
    (package / "devices/extra.py").write_text("")
    assert not is_current(now, "b01", package, tmp_path.joinpath, "g")
    (package / "devices/extra.py").unlink()
    (tmp_path / "in.db").write_text("y")
    assert not is_current(now, "b01", package, tmp_path.joinpath, "g")
    (tmp_path / "in.db").unlink()
    assert not is_current(now, "b01", package, tmp_path.joinpath, "g")


def test_a_file_that_appears_is_seen(package: Path, tmp_path: Path) -> None:
    now = manifest()
    now.beamlines["b01"]["absent"] = ["first/in.db"]
    assert is_current(now, "b01", package, tmp_path.joinpath, "g")
    (tmp_path / "first").mkdir()
    (tmp_path / "first/in.db").write_text("")
    assert not is_current(now, "b01", package, tmp_path.joinpath, "g")
