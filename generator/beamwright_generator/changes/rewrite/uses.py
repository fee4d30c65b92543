"""Where a plan uses what has another name now, or none: what can be rewritten, and what a person must look at."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from beamwright_generator.basics.source_text import Position
from beamwright_generator.changes.diff.renames import Successors
from beamwright_generator.changes.rewrite import known_types
from beamwright_generator.changes.rewrite.inference import Prover
from beamwright_generator.changes.rewrite.plan_module import UserModule
from beamwright_generator.python.type_terms import TypeTerm

HINT = "annotate it with its class, or change this place by hand"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A place that is not rewritten.

    :param code: the problem code.
    :param uses: it does use what broke; else that is only possible.
    """

    code: str
    at: Position
    message: str
    hint: str = ""
    uses: bool = True


@dataclass
class Uses:
    """What was found in one module.

    :param renamed: names that get another text.
    :param replaced: attributes of modules that stand in another module now, by their full names.
    :param proven: where something that broke is used, whether it is rewritten or not.
    """

    renamed: dict[cst.CSTNode, str] = field(default_factory=dict)
    replaced: dict[cst.CSTNode, str] = field(default_factory=dict)
    left: list[Leftover] = field(default_factory=list)
    proven: list[Position] = field(default_factory=list)


def find_uses(module: UserModule, prover: Prover, successors: Successors) -> Uses:
    """Look through a module for attributes and texts."""
    finder = _UseFinder(module, prover, successors)
    module.tree.visit(finder)
    return finder.uses


class _UseFinder(cst.CSTVisitor):
    def __init__(self, module: UserModule, prover: Prover, successors: Successors) -> None:
        self._module, self._prover, self._successors = module, prover, successors
        self._wanted = successors.wanted
        self._devices = {name.rpartition(".")[2] for name in successors.gone if name in successors.old.factories}
        self._gone = {name.rpartition(".")[2] for name in successors.gone}
        self.uses = Uses()

    def visit_Import(self, node: cst.Import) -> bool:  # noqa: N802
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:  # noqa: N802
        return False

    def visit_Attribute(self, node: cst.Attribute) -> None:  # noqa: N802
        name = node.attr.value
        if name not in self._wanted and name not in self._gone:
            return
        owner = self._prover.of(node.value)
        if owner is None:
            if name in self._wanted:
                self._doubt(node)
            return
        now = [self._now(one, node) for one in known_types.alternatives(owner)]
        if all(one is None for one in now):
            return
        self.uses.proven.append(self._module.at(node.attr))
        if len(set(now)) > 1:
            self._leave("migrate-unproven", node, f"{_shown(node.value)} may be of several types, which differ in it")
        elif now[0] and now[0] != name:
            self.uses.renamed[node.attr] = now[0]

    def _now(self, owner: TypeTerm, node: cst.Attribute) -> str | None:
        """Give the new name of an attribute; None where nothing is to be said of it, empty where it was left."""
        name = node.attr.value
        match owner.name:
            case "(module)":
                return self._in_module(f"{owner.arguments[0].name}.{name}", node)
            case "type":
                return self._state(owner.arguments[0].name, node)
            case _:
                return self._member(owner.name, node)

    def _in_module(self, full: str, node: cst.Attribute) -> str | None:
        known = self._successors
        if not known.knows(full) or full not in known.gone:
            return None
        now = known.of(full)
        module, _, short = now.rpartition(".")
        if not now:
            return self._leave("migrate-removed", node, f"{node.attr.value} is gone from {full.rpartition('.')[0]}")
        if module != full.rpartition(".")[0]:
            self.uses.replaced[node] = now
            return ""
        return short

    def _state(self, enum: str, node: cst.Attribute) -> str | None:
        states = self._successors.states.get(enum)
        name = node.attr.value
        if states is None or name not in self._successors.old.enums[enum].states:
            return None
        now = states.get(name)
        if now is None:
            return self._leave("migrate-removed", node, f"{enum.rpartition('.')[2]} has no state {name} any more")
        return self._altered(enum, name, node) if now == name else now

    def _member(self, owner: str, node: cst.Attribute) -> str | None:
        name, known = node.attr.value, self._successors
        for holder in self._prover.lineage(owner, name):
            if holder is None:  # a base that may be anything
                self._doubt(node)
                return ""
            found = known.holder(holder, name, self._prover.interface)
            if found:
                now = known.member(found, name)
                if not now:
                    return self._leave("migrate-removed", node, f"{found.rpartition('.')[2]} has no {name} any more")
                self._altered(found, name, node)
                return now if now != name or known.alteration(found, name) else None
        return None

    def _altered(self, owner: str, name: str, node: cst.Attribute) -> str | None:
        told = self._successors.alteration(owner, name)
        if not told:
            return None
        self._leave("migrate-altered", node, told, "see whether what is done with it still holds")
        return name

    def _doubt(self, node: cst.Attribute) -> None:
        message = f"the type of {_shown(node.value)} is not known, so that its {node.attr.value} is left alone"
        self._leave("migrate-unproven", node, message, HINT, uses=False)

    def _leave(self, code: str, node: cst.Attribute, message: str, hint: str = "", *, uses: bool = True) -> str:
        self.uses.left.append(Leftover(code, self._module.at(node.attr), message, hint, uses))
        return ""

    def visit_MatchKeywordElement(self, node: cst.MatchKeywordElement) -> None:  # noqa: N802
        if node.key.value in self._wanted:
            message = f"the pattern asks for {node.key.value}, which may be called otherwise now"
            self.uses.left.append(Leftover("migrate-unproven", self._module.at(node.key), message, uses=False))

    # -- texts

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        text = node.evaluated_value
        if isinstance(text, str) and self._names_device(text):
            message = f"the text {node.value} holds the name of a device that is called otherwise now"
            hint = "the names of devices stand in documents, and in what clients of the beamline send"
            self.uses.left.append(Leftover("migrate-text", self._module.at(node), message, hint, uses=False))

    def _names_device(self, text: str) -> bool:
        return text.partition("-")[0] in self._devices

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        known = self._prover.of(node.func) if self._successors.calls else None
        made = known.arguments[0].name if known and known.name == "type" else ""
        if made in self._successors.calls:
            message = self._successors.calls[made]
            self.uses.left.append(Leftover("adopt-call", self._module.at(node), message))
        match node:
            case cst.Call(
                func=cst.Name(value="getattr" | "setattr" | "hasattr"),
                args=[_, cst.Arg(value=cst.SimpleString() as text), *_],
            ) if text.evaluated_value in self._wanted:
                message = f"{text.value} may name an attribute that is called otherwise now"
                self.uses.left.append(Leftover("migrate-text", self._module.at(text), message, uses=False))
            case _:
                pass


def _shown(node: cst.CSTNode) -> str:
    return " ".join(cst.Module(body=[]).code_for_node(node).split())
