"""The text of every module of the generated package."""

from __future__ import annotations

from beamwright_generator.model import Model
from beamwright_generator.render.beamline_module import render_beamline
from beamwright_generator.render.device_module import render_devices
from beamwright_generator.render.jinja import fill
from beamwright_generator.render.python_text import docstring


def render(model: Model) -> dict[str, str]:
    """Return the text of every module of a model, by its path below the generated package."""
    files = {
        module_path(module, model.package): render_devices(module, types, f"beamline {model.name}")
        for module, types in sorted(model.modules.items())
    }
    if model.beamline:
        files[f"beamlines/{model.beamline.name}.py"] = render_beamline(model.beamline, model.package)
        files |= {path: _package(path, words) for path, words in _PACKAGES.items()}
        files |= {"py.typed": "", "ruff.toml": fill("ruff.toml.j2")}
    return files


_PACKAGES = {
    "__init__.py": "Devices and beamlines that `gen` writes from EPICS descriptions.",
    "beamlines/__init__.py": "One module for each beamline.",
    "devices/__init__.py": "One module for each template.",
}


def _package(path: str, words: str) -> str:
    return fill("package.py.j2", doc=docstring(words), is_outermost="/" not in path)


def module_path(module: str, package: str) -> str:
    """Return the path of a module below the generated package."""
    return module.removeprefix(f"{package}.").replace(".", "/") + ".py"
