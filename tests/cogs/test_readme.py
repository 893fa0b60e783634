"""The README names every command, and no other."""

import re
from pathlib import Path

from tests.cogs.conftest import Party


async def test_every_command_is_in_the_readme(party: Party) -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    table = text[text.index("| command | does |") : text.index("## Who plays next")]
    assert set(re.findall(r"`/(\w+)`", table)) == {command.name for command in party.client.tree.get_commands()}
