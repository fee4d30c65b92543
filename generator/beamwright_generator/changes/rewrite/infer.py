"""How names and classes of a plan ask for the types of the expressions that they hang on."""

from __future__ import annotations

from typing import Protocol

import libcst as cst

from beamwright_generator.changes.rewrite.known_types import Known


class Infer(Protocol):
    """Infers the types of expressions in one module."""

    def of(self, node: cst.CSTNode) -> Known:
        """Return the type of an expression."""
        ...

    def named(self, full: str) -> Known:
        """Return what a full name stands for."""
        ...

    def annotated(self, node: cst.CSTNode) -> Known:
        """Return the type that an annotation names."""
        ...

    def function(self, node: cst.FunctionDef) -> Known:
        """Return what a function is."""
        ...

    def attribute(self, owner: Known, attribute: str) -> Known:
        """Return the type of an attribute of something."""
        ...
