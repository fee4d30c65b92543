"""The manifest of a generated package: who owns which file, and what it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beamwright_generator.basics.packages import MANIFEST, USUAL
from beamwright_generator.write.disk import read


def sha256(text: str) -> str:
    """Digest a text as it is written to disk."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Manifest:
    """Which files belong to which beamline, what they were made from, and by what.

    :param tool: generator version, digest and formatter, by name.
    :param beamlines: for each beamline `inputs` and `outputs` (path to SHA-256) and `absent` (looked for, not found).
    :param package: the import name of the package, which its modules say of each other.
    """

    tool: dict[str, str]
    beamlines: dict[str, dict[str, Any]]
    package: str = USUAL

    @classmethod
    def read(cls, package: Path) -> Manifest:
        """Read the manifest of a generated package; one that is missing or broken is empty."""
        return cls.parsed(read(package / MANIFEST) or "")

    @classmethod
    def parsed(cls, text: str) -> Manifest:
        """Return what the text of a manifest says; one that is broken is empty."""
        try:
            data = json.loads(text)
            entries = {name: dict(entry) for name, entry in data["beamlines"].items()}
            for entry in entries.values():
                entry["outputs"], entry["inputs"] = dict(entry["outputs"]), dict(entry["inputs"])
            return cls(dict(data["tool"]), entries, str(data.get("package", USUAL)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls({}, {})

    @staticmethod
    def entry(
        outputs: Mapping[str, str], inputs: Mapping[str, str], absent: Sequence[str], generator: str
    ) -> dict[str, Any]:
        """Make the entry of one beamline.

        :param outputs: texts by path.
        :param inputs: SHA-256 by shown name.
        :param generator: digest of the generator that made the outputs.
        """
        digests = {path: sha256(text) for path, text in sorted(outputs.items())}
        return {"absent": list(absent), "generator": generator, "inputs": dict(inputs), "outputs": digests}

    def outputs(self, beamline: str) -> dict[str, str]:
        """Return the SHA-256 of the files that a beamline owns, by path."""
        return dict(self.beamlines.get(beamline, {}).get("outputs", {}))

    def owners(self, path: str, besides: str = "") -> list[str]:
        """Name the beamlines that own a file."""
        return sorted(name for name in self.beamlines if name != besides and path in self.outputs(name))

    @property
    def owned(self) -> dict[str, set[str]]:
        """Return the SHA-256s of owned files by path: several if beamlines wrote a shared one at different times."""
        owned: dict[str, set[str]] = {}
        for name in self.beamlines:
            for path, digest in self.outputs(name).items():
                owned.setdefault(path, set()).add(digest)
        return owned

    def text(self) -> str:
        """Return the text of the manifest: sorted, one fact on a line."""
        said = {"beamlines": self.beamlines, "package": self.package, "tool": self.tool}
        return json.dumps(said, indent=1, sort_keys=True) + "\n"
