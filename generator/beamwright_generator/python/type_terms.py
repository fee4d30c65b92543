"""Types by their full names, as annotations and interfaces say them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NUMPY = "numpy."
UNION = "|"
NONE = "None"


@dataclass(frozen=True, slots=True)
class TypeTerm:
    """A type by its full name, with what stands in its brackets: ``ophyd_async.core.SignalRW`` of ``float``.

    :param name: `|` for a union, `None` for none, `...` as in ``tuple[int, ...]``.
    """

    name: str
    arguments: tuple[TypeTerm, ...] = ()

    def __str__(self) -> str:
        if self.name == UNION:
            return " | ".join(map(str, self.arguments))
        short = f"np.{self.name.removeprefix(NUMPY)}" if self.name.startswith(NUMPY) else self.short
        return f"{short}[{', '.join(map(str, self.arguments))}]" if self.arguments else short

    @property
    def short(self) -> str:
        """The name without the module."""
        return self.name if self.name == "..." else self.name.rpartition(".")[2]

    def renamed(self, name_of: Callable[[str], str]) -> TypeTerm:
        """Return the type with each full name replaced."""
        return TypeTerm(name_of(self.name), tuple(argument.renamed(name_of) for argument in self.arguments))


def union(*terms: TypeTerm) -> TypeTerm:
    """Join types into one that is any of them."""
    flat: dict[TypeTerm, None] = {}
    for term in terms:
        flat |= dict.fromkeys(term.arguments if term.name == UNION else (term,))
    return next(iter(flat)) if len(flat) == 1 else TypeTerm(UNION, tuple(flat))
