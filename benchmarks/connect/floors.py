"""The least that connecting takes: programs without Python, compiled where there is a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pvxslibs.path
from epicscorelibs import path

from benchmarks.connect.devices import records
from benchmarks.shared.report import progress

HERE = Path(__file__).parent


class Floor:
    """A program that connects the channels that a file names, and prints the seconds that it took."""

    def __init__(self, folder: Path, source: str, compilers: Sequence[str], options: Sequence[str]) -> None:
        self.program = folder / Path(source).stem
        self.names = folder / "names"
        self.works = False
        compiler = next(filter(None, map(shutil.which, compilers)), None)
        if compiler is None:
            return
        include = Path(path.include_path)
        includes = (f"-I{part}" for part in (include, include / "os" / "Linux", include / "compiler" / "gcc"))
        command = [compiler, "-O2", "-o", str(self.program), str(HERE / source), *includes, *options]
        libraries = [path.get_lib("ca"), path.get_lib("Com"), f"-Wl,-rpath,{path.lib_path}", "-lpthread"]
        done = subprocess.run([*command, *libraries], capture_output=True, text=True, check=False)
        self.works = done.returncode == 0
        if not self.works:
            progress(f"no {self.program.name}: {done.stderr}")

    def write_names(self, prefixes: Iterable[str]) -> None:
        """Tell it the channels of devices, each with the control get that it takes."""
        lines = (f"{name} {get}\n" for prefix in prefixes for name, get in records(prefix))
        self.names.write_text("".join(lines))

    def measure(self, prefixes: Iterable[str], environment: Mapping[str, str]) -> dict[str, float]:
        """Connect the channels of devices."""
        self.write_names(prefixes)
        done = subprocess.run(
            [self.program, self.names],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
        return {"connect_s": float(done.stdout)}


def libca_floor(folder: Path) -> Floor:
    """Return the C program on libca, with the same channels and the same gets."""
    return Floor(folder, "floor.c", ("cc", "gcc"), ())


def pvxs_floor(folder: Path) -> Floor:
    """Return the C++ program on pvxs, which gets each channel once."""
    libraries = Path(pvxslibs.path.__file__).parent / "lib"
    (library,) = sorted(libraries.glob("libpvxs.so.*"))
    options = [
        "-std=c++11",
        "-D_GLIBCXX_USE_CXX11_ABI=0",  # as in the wheel, whose strings are those of manylinux2014
        f"-I{pvxslibs.path.include_path}",
        str(library),
        *map(str, sorted(libraries.glob("libevent_*.so.*"))),
        f"-Wl,-rpath,{libraries}",
    ]
    return Floor(folder, "pvxs.cpp", ("c++", "g++"), options)
