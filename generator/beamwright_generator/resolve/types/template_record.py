"""One record of a template, as the class resolver sees it: merged, with its place after the device prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from beamwright_generator.basics.source_text import Position
from beamwright_generator.model import Access

SETPOINT_TYPES: Final = frozenset(
    {"ao", "bo", "busy", "mbbo", "mbboDirect", "longout", "int64out", "stringout", "lso", "aao", "waveform", "dfanout"}
)
"""Record types that plans write; a waveform is either side."""

READBACK_TYPES: Final = frozenset(
    {
        *("ai", "bi", "mbbi", "mbbiDirect", "longin", "int64in", "stringin", "lsi", "aai", "waveform", "calc"),
        *("calcout", "scalcout", "swait", "sub", "sel", "compress", "subArray"),
    }
)
"""Record types that tell what is; outside the `_RBV` convention a readback must be one of these."""


@dataclass(frozen=True, slots=True)
class TemplateRecord:
    """A record after includes and re-definitions are merged; macros that no shape hangs on stand as written.

    :param name: the whole name, macros still in.
    :param leaf: the name after the device prefix.
    :param fields: what the databases set, escapes translated.
    """

    name: str
    leaf: str
    type: str
    fields: Mapping[str, str]
    infos: Mapping[str, str]
    at: Position

    @property
    def saved(self) -> bool:
        """Whether autosave keeps the value: it is a setting."""
        kept = f"{self.infos.get('autosaveFields', '')} {self.infos.get('autosaveFields_pass0', '')}"
        return "VAL" in kept.split()


PROCESSED: Final = frozenset({"fanout", "seq", "sseq"})
"""Record types that are run for what they set off; their value says nothing, `.PROC` runs them."""

MOMENTARY_LABELS: Final = frozenset({"done", "idle", "ready"})
"""Labels of 0 that make a bo without readback an action: the other label names what it does."""

FIELDS: Final = {
    "transform": tuple("ABCDEFGHIJKLMNOP"),
    "scaler": ("CNT", "CONT", "TP", "T", "FREQ", *(f"S{channel}" for channel in range(1, 9))),
    "epid": ("KP", "KI", "KD", "CVAL", "OVAL", "FBON"),
    "mca": ("STRT", "STOP", "ERAS", "ACQG", "PRTM", "PLTM", "ERTM", "ELTM", "NUSE"),
}
"""Fields that are signals besides the value, for record types whose value alone says little; overrides add more."""

WRITABLE: Final = SETPOINT_TYPES | {"event", "permissive", "state", "epid", "throttle"}
"""Record types whose value clients set; waveforms are judged by their device support."""


def access_of(record: TemplateRecord) -> Access:
    """Return what a plan may do with the value of a record that has no partner."""
    if record.type == "waveform":
        return Access.READ_WRITE if _settable_waveform(record) else Access.READ
    if record.type in PROCESSED or is_action(record):
        return Access.COMMAND
    return Access.READ_WRITE if record.type in WRITABLE else Access.READ


def _settable_waveform(record: TemplateRecord) -> bool:
    support = record.fields.get("DTYP", "")
    if support.startswith("asyn"):
        return support.endswith(("Out", "Write", "WriteBinary"))
    return not record.fields.get("INP", "").strip()


def is_action(record: TemplateRecord) -> bool:
    """Return whether a record without readback is an action that is triggered, and not a value.

    A busy record is; a bo is when it falls back by itself (HIGH), when 0 is labelled Done, Idle or Ready, or when
    both states have the same label.
    """
    if record.type == "busy":
        return True
    if record.type != "bo":
        return False
    zero, one = record.fields.get("ZNAM", "").strip().lower(), record.fields.get("ONAM", "").strip().lower()
    try:
        falls_back = float(record.fields.get("HIGH", "0") or 0) > 0
    except ValueError:
        falls_back = False
    return falls_back or (bool(one) and (zero in MOMENTARY_LABELS or zero == one))
