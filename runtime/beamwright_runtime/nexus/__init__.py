"""NeXus files written from documents: an index with links and virtual datasets over what detectors have written.

ADR 0027 rules here.
"""

from beamwright_runtime.documents import NexusFacts, Role
from beamwright_runtime.nexus.writer import NexusWriter, Written, scan_and_uid

__all__ = ["NexusFacts", "NexusWriter", "Role", "Written", "scan_and_uid"]
