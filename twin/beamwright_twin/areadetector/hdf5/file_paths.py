"""Where an areaDetector plugin writes its files: folder, name, number, and the name while a file is not finished."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from beamwright_twin.areadetector.asyn_driver import Driver

_CONVERSION: Final = re.compile(r"%(?:%|[-+ #0]*\d*(?:\.\d+)?[a-zA-Z])")


class FilePaths:
    """The paths of a plugin that writes files.

    :param driver: has the parameters.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def find_folder(self) -> None:
        """Return whether the folder exists and is writable; create it if CREATE_DIR allows that."""
        driver = self._driver
        text = driver.text("FILE_PATH")
        if not text:
            return
        if not text.endswith("/"):
            text += "/"
            driver.set("FILE_PATH", text)
        self._make(Path(text), driver.number("CREATE_DIR"))
        driver.set("FILE_PATH_EXISTS", int(Path(text).is_dir() and os.access(text, os.W_OK)))

    def _make(self, folder: Path, depth: int) -> None:
        """Make missing folders, but none of the first `depth` - 1 under the root, or only the last -`depth`."""
        levels = [folder, *folder.parents][:-1][::-1]
        allowed = levels[depth - 1 :] if depth > 0 else levels[depth:] if depth < 0 else []
        try:
            for level in allowed:
                level.mkdir(exist_ok=True)
        except OSError as error:
            self._driver.set("WRITE_MESSAGE", f"cannot make {folder}: {error.strerror}")

    def next_file(self) -> Path:
        """Return the name of the next file by its template, and increment its number if AutoIncrement is set.

        :raises ValueError: when the template makes no name of folder, name and number.
        """
        driver = self._driver
        number = driver.number("FILE_NUMBER")
        template = driver.text("FILE_TEMPLATE")
        wanted = [one for one in _CONVERSION.findall(template) if one != "%%"]
        parts = (driver.text("FILE_PATH"), driver.text("FILE_NAME"), number)[: len(wanted)]
        try:
            name = template % parts
        except (TypeError, ValueError) as error:
            raise ValueError(f"the template {template!r} makes no file name") from error
        if not name:
            raise ValueError("the template makes no file name: it is empty")
        driver.set("FULL_FILE_NAME", name)
        if driver.get("AUTO_INCREMENT"):
            driver.set("FILE_NUMBER", number + 1)
        return Path(name)

    def unfinished(self, name: Path) -> Path:
        """Return the name that a file has while it is written."""
        return name.with_name(name.name + self._driver.text("FILE_TEMP_SUFFIX"))

    def finished(self, name: Path) -> None:
        """Rename a complete file to its final name."""
        full = Path(self._driver.text("FULL_FILE_NAME"))
        if name != full:
            name.replace(full)
