"""Lines of the blocklist as people see and name them."""

from collections.abc import Sequence

from cogs.text import plain
from core.enums import BlockKind
from core.types import Block

LONGEST = 100
"""Letters by which a line is known: Discord's limit for a choice."""


def line(block: Block) -> str:
    """A line in the blocklist's own notation, cut."""
    return plain(whole(block), LONGEST)


def meant(lines: Sequence[Block], named: str) -> Block:
    """The line that somebody names; what is no line is a word."""
    for one in lines:
        if named in {whole(one), line(one), one.value}:
            return one
    return Block(BlockKind.WORD, named)


def whole(block: Block) -> str:
    """All of a line."""
    return f"{block.kind}: {block.value}"
