"""References of tracks that only some nodes can play: `node:<source manager>:<what the node is asked for>`.

They outlive restarts and nodes: any node that offers the source manager finds the track again.
"""

from core.types import TrackRef

PREFIX = "node:"


def make_ref(manager: str, identifier: str) -> TrackRef:
    """The reference of what a node with that source manager finds under `identifier`."""
    return TrackRef(f"{PREFIX}{manager}:{identifier}")


def manager_of(ref: TrackRef) -> str | None:
    """The source manager that a node needs to play this; None: any node can."""
    return ref.split(":", 2)[1] if ref.startswith(PREFIX) else None


def identifier_of(ref: TrackRef) -> str | None:
    """What the node is asked for; None: it is given an address of ours."""
    return ref.split(":", 2)[2] if ref.startswith(PREFIX) else None
