"""The command line: `python -m bot run | check | migrate | backup | restore | …`."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.billing_commands import billing_cli
from bot.command_line import PERSON, PLACE, Format, settings
from bot.logs import configure_logs

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Chorus.")
library_cli = typer.Typer(no_args_is_help=True, help="The music folders.")
cli.add_typer(library_cli, name="library")
export_cli = typer.Typer(no_args_is_help=True, help="What is stored, for other programs.")
cli.add_typer(export_cli, name="export")
nodes_cli = typer.Typer(no_args_is_help=True, help="The audio nodes.")
cli.add_typer(nodes_cli, name="nodes")
cli.add_typer(billing_cli, name="billing")
NODE = typer.Argument(help="A node's name in LAVALINK_NODES, or builtin.")


@cli.command()
def run(
    *, leave_node: Annotated[bool, typer.Option(help="Leave the built-in node playing at the end.")] = False
) -> None:
    """Start everything; Ctrl-C stops it."""
    from bot.run import run_app

    configure_logs()
    raise typer.Exit(asyncio.run(run_app(settings(), leave_node=leave_node)))


@cli.command()
def check() -> None:
    """Try every setting and print one line for each."""
    from bot.check import check_all

    configure_logs(level="ERROR")
    raise typer.Exit(asyncio.run(check_all(settings())))


@cli.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    from bot.maintenance import upgrade_database

    configure_logs(level="WARNING")
    asyncio.run(upgrade_database(settings()))


@cli.command()
def backup(file: Path) -> None:
    """Write the whole database and the uploads into one file; the bot may run meanwhile."""
    from bot.maintenance import write_backup

    configure_logs(level="WARNING")
    asyncio.run(write_backup(settings(), file))


@cli.command()
def restore(
    file: Path, *, replace: Annotated[bool, typer.Option(help="Also in place of what the database holds.")] = False
) -> None:
    """Fill an empty database, SQLite or PostgreSQL, from a backup; stop the bot first."""
    from bot.maintenance import read_backup

    configure_logs(level="WARNING")
    asyncio.run(read_backup(settings(), file, replace=replace))


@export_cli.command("plays")
def export_plays(
    *,
    form: Annotated[
        Format, typer.Option("--format", help="Columns for a spreadsheet, or a JSON object a line.")
    ] = Format.CSV,
    room: Annotated[str | None, typer.Option(help="The id of one room; all rooms without it.")] = None,
) -> None:
    """Every finished play, to standard output."""
    from bot.exports import export_plays

    configure_logs(level="WARNING")
    asyncio.run(export_plays(settings(), form, room))


@cli.command("export-person")
def export_person(person: Annotated[str, PERSON]) -> None:
    """Everything that is stored about somebody, as JSON to standard output."""
    from bot.exports import export_person

    configure_logs(level="WARNING")
    asyncio.run(export_person(settings(), person))


@cli.command("forget-person")
def forget_person(
    person: Annotated[str, PERSON], *, yes: Annotated[bool, typer.Option(help="Do not ask first.")] = False
) -> None:
    """Remove somebody's identities, names, votes, presences and favourites; the rooms' history stays, as nobody's."""
    from bot.exports import forget_person

    if not yes:
        typer.confirm(f"Forget {person}? This cannot be undone.", abort=True)
    configure_logs(level="WARNING")
    asyncio.run(forget_person(settings(), person))


@cli.command("link-person")
def link_person(person: Annotated[str, PERSON], other: Annotated[str, PERSON]) -> None:
    """Two accounts are one human from now on: one vote, one turn, one cap."""
    from bot.linking import link_people

    configure_logs(level="WARNING")
    asyncio.run(link_people(settings(), person, other))


@cli.command("unlink-person")
def unlink_person(person: Annotated[str, PERSON]) -> None:
    """An account is a human of its own again."""
    from bot.linking import unlink_person

    configure_logs(level="WARNING")
    asyncio.run(unlink_person(settings(), person))


@cli.command("link-place")
def link_place(
    place: Annotated[str, PLACE],
    room: Annotated[str, typer.Argument(help="The id of a guild's room, or discord:<guild id>.")],
) -> None:
    """A web room or a chat shares the room of a guild from now on; what waits there joins its queue."""
    from bot.linking import link_place

    configure_logs(level="WARNING")
    asyncio.run(link_place(settings(), place, room))


@cli.command("unlink-place")
def unlink_place(place: Annotated[str, PLACE]) -> None:
    """It has a room of its own again, with what its people asked for."""
    from bot.linking import unlink_place

    configure_logs(level="WARNING")
    asyncio.run(unlink_place(settings(), place))


@library_cli.command()
def scan() -> None:
    """Index the music folders now."""
    from bot.maintenance import scan_library

    configure_logs(level="WARNING")
    asyncio.run(scan_library(settings()))


@nodes_cli.command("list")
def list_nodes() -> None:
    """Each node: whether it is up, drained, and how busy."""
    from bot.nodes import list_nodes

    configure_logs(level="WARNING")
    asyncio.run(list_nodes(settings()))


@nodes_cli.command()
def drain(name: Annotated[str, NODE]) -> None:
    """Have all rooms leave a node, and none come to it: for maintenance, or to change it for another."""
    from bot.nodes import drain

    configure_logs(level="WARNING")
    asyncio.run(drain(settings(), name))


@nodes_cli.command()
def undrain(name: Annotated[str, NODE]) -> None:
    """Let rooms come to a node again."""
    from bot.nodes import undrain

    configure_logs(level="WARNING")
    asyncio.run(undrain(settings(), name))


@cli.command()
def audit(
    place: Annotated[str | None, typer.Argument(help="For example discord:<guild id>; all places without it.")] = None,
    limit: int = 50,
) -> None:
    """The latest changes of settings, roles, money and policy."""
    from bot.maintenance import print_audit

    configure_logs(level="WARNING")
    asyncio.run(print_audit(settings(), place, limit))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    cli()
