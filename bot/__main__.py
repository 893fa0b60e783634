"""The command line: `python -m bot run | check | migrate | backup | restore | …`."""

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from bot.config import Settings
from bot.logs import configure_logs

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Chorus.")
library_cli = typer.Typer(no_args_is_help=True, help="The music folders.")
cli.add_typer(library_cli, name="library")
export_cli = typer.Typer(no_args_is_help=True, help="What is stored, for other programs.")
cli.add_typer(export_cli, name="export")
nodes_cli = typer.Typer(no_args_is_help=True, help="The audio nodes.")
cli.add_typer(nodes_cli, name="nodes")
billing_cli = typer.Typer(no_args_is_help=True, help="Plans: who was given which.")
cli.add_typer(billing_cli, name="billing")
PERSON = typer.Argument(help="A person's id, or an identity such as discord:<user id>.")
PLACE = typer.Argument(help="A place such as web:lobby, or the id of its room.")

NODE = typer.Argument(help="A node's name in LAVALINK_NODES, or builtin.")

WHOM = typer.Argument(help="A place, person: and an id or identity (person:discord:<user id>), or organisation:<name>.")


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"{name}: {problem['msg'].removeprefix('Value error, ')}", err=True)
        raise typer.Exit(2) from None


@cli.command()
def run(
    *, leave_node: Annotated[bool, typer.Option(help="Leave the built-in node playing at the end.")] = False
) -> None:
    """Start everything; Ctrl-C stops it."""
    from bot.run import run_app

    configure_logs()
    raise typer.Exit(asyncio.run(run_app(_settings(), leave_node=leave_node)))


@cli.command()
def check() -> None:
    """Try every setting and print one line for each."""
    from bot.check import check_all

    configure_logs(level="ERROR")
    raise typer.Exit(asyncio.run(check_all(_settings())))


@cli.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    from bot.maintenance import upgrade_database

    configure_logs(level="WARNING")
    asyncio.run(upgrade_database(_settings()))


@cli.command()
def backup(file: Path) -> None:
    """Write the whole database and the uploads into one file; the bot may run meanwhile."""
    from bot.maintenance import write_backup

    configure_logs(level="WARNING")
    asyncio.run(write_backup(_settings(), file))


@cli.command()
def restore(
    file: Path, *, replace: Annotated[bool, typer.Option(help="Also in place of what the database holds.")] = False
) -> None:
    """Fill an empty database, SQLite or PostgreSQL, from a backup; stop the bot first."""
    from bot.maintenance import read_backup

    configure_logs(level="WARNING")
    asyncio.run(read_backup(_settings(), file, replace=replace))


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
    asyncio.run(export_plays(_settings(), form, room))


@cli.command("export-person")
def export_person(person: Annotated[str, PERSON]) -> None:
    """Everything that is stored about somebody, as JSON to standard output."""
    from bot.exports import export_person

    configure_logs(level="WARNING")
    asyncio.run(export_person(_settings(), person))


@cli.command("forget-person")
def forget_person(
    person: Annotated[str, PERSON], *, yes: Annotated[bool, typer.Option(help="Do not ask first.")] = False
) -> None:
    """Remove somebody's identities, names, votes, presences and favourites; the rooms' history stays, as nobody's."""
    from bot.exports import forget_person

    if not yes:
        typer.confirm(f"Forget {person}? This cannot be undone.", abort=True)
    configure_logs(level="WARNING")
    asyncio.run(forget_person(_settings(), person))


@cli.command("link-person")
def link_person(person: Annotated[str, PERSON], other: Annotated[str, PERSON]) -> None:
    """Two accounts are one human from now on: one vote, one turn, one cap."""
    from bot.linking import link_people

    configure_logs(level="WARNING")
    asyncio.run(link_people(_settings(), person, other))


@cli.command("unlink-person")
def unlink_person(person: Annotated[str, PERSON]) -> None:
    """An account is a human of its own again."""
    from bot.linking import unlink_person

    configure_logs(level="WARNING")
    asyncio.run(unlink_person(_settings(), person))


@cli.command("link-place")
def link_place(
    place: Annotated[str, PLACE],
    room: Annotated[str, typer.Argument(help="The id of a guild's room, or discord:<guild id>.")],
) -> None:
    """A web room or a chat shares the room of a guild from now on; what waits there joins its queue."""
    from bot.linking import link_place

    configure_logs(level="WARNING")
    asyncio.run(link_place(_settings(), place, room))


@cli.command("unlink-place")
def unlink_place(place: Annotated[str, PLACE]) -> None:
    """It has a room of its own again, with what its people asked for."""
    from bot.linking import unlink_place

    configure_logs(level="WARNING")
    asyncio.run(unlink_place(_settings(), place))


@library_cli.command()
def scan() -> None:
    """Index the music folders now."""
    from bot.maintenance import scan_library

    configure_logs(level="WARNING")
    asyncio.run(scan_library(_settings()))


@nodes_cli.command("list")
def list_nodes() -> None:
    """Each node: whether it is up, drained, and how busy."""
    from bot.nodes import list_nodes

    configure_logs(level="WARNING")
    asyncio.run(list_nodes(_settings()))


@nodes_cli.command()
def drain(name: Annotated[str, NODE]) -> None:
    """Have all rooms leave a node, and none come to it: for maintenance, or to change it for another."""
    from bot.nodes import drain

    configure_logs(level="WARNING")
    asyncio.run(drain(_settings(), name))


@nodes_cli.command()
def undrain(name: Annotated[str, NODE]) -> None:
    """Let rooms come to a node again."""
    from bot.nodes import undrain

    configure_logs(level="WARNING")
    asyncio.run(undrain(_settings(), name))


@billing_cli.command()
def gift(
    whom: Annotated[str, WHOM],
    plan: str,
    *,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="How long; without it until revoked.")] = None,
    trial: Annotated[bool, typer.Option(help="As a trial, which everybody gets once.")] = False,
    ref: Annotated[str | None, typer.Option(help="Your own name for it; nothing is given twice under one.")] = None,
    reason: Annotated[str, typer.Option(help="For the list.")] = "",
) -> None:
    """Somebody has a plan from now on; a running bot notices within a second."""
    from bot.billing import gift

    configure_logs(level="WARNING")
    asyncio.run(gift(_settings(), whom, plan, days=days, trial=trial, ref=ref, reason=reason))


@billing_cli.command()
def revoke(grant: Annotated[int, typer.Argument(help="Its number in the list.")]) -> None:
    """A grant counts no longer. Nothing that was gathered under it is lost."""
    from bot.billing import revoke

    configure_logs(level="WARNING")
    asyncio.run(revoke(_settings(), grant))


@billing_cli.command()
def cover(whom: Annotated[str, WHOM], place: Annotated[str, PLACE]) -> None:
    """The plan of a person (its host) or an organisation counts for a place from now on."""
    from bot.billing import cover

    configure_logs(level="WARNING")
    asyncio.run(cover(_settings(), whom, place, on=True))


@billing_cli.command()
def uncover(whom: Annotated[str, WHOM], place: Annotated[str, PLACE]) -> None:
    """It does not count there any more."""
    from bot.billing import cover

    configure_logs(level="WARNING")
    asyncio.run(cover(_settings(), whom, place, on=False))


@billing_cli.command()
def doctor() -> None:
    """Whether what sells plans is set right: keys, mode, the endpoint's events and version, prices, parity."""
    from bot.doctor import diagnose

    configure_logs(level="ERROR")
    raise typer.Exit(asyncio.run(diagnose(_settings())))


@billing_cli.command()
def replay(
    event: Annotated[
        str | None, typer.Argument(help="An event of Stripe's (evt_…); without it all dead letters.")
    ] = None,
) -> None:
    """Have what was given up, or one event, looked at again."""
    from bot.billing import replay

    configure_logs(level="WARNING")
    asyncio.run(replay(_settings(), event))


@billing_cli.command("list")
def list_grants() -> None:
    """Every grant, and for which places the plans of others count."""
    from bot.billing import show

    configure_logs(level="WARNING")
    asyncio.run(show(_settings()))


@billing_cli.command()
def usage(
    place: Annotated[str | None, typer.Argument(help="For example discord:<guild id>; all places without it.")] = None,
) -> None:
    """What places use in the present period of what is counted, beside what their plans allow."""
    from bot.billing import usage

    configure_logs(level="WARNING")
    asyncio.run(usage(_settings(), place))


@billing_cli.command()
def refund_stars(
    charge: Annotated[str, typer.Argument(help="What Telegram calls the payment; the payer is told by /paysupport.")],
) -> None:
    """Give Telegram Stars back. Their subscription ends, and the plan that they paid for."""
    from bot.stars import refund

    configure_logs(level="WARNING")
    asyncio.run(refund(_settings(), charge))


@billing_cli.command("refund-tip")
def refund_tip(tip: Annotated[str, typer.Argument(help="Its id, which Stripe shows as metadata.tip.")]) -> None:
    """Pay a tip back: what the DJ got returns, and your fee too. The running bot does it."""
    from bot.billing import refund_tip

    configure_logs(level="WARNING")
    asyncio.run(refund_tip(_settings(), tip))


@billing_cli.command("export")
def export_grants(
    *,
    form: Annotated[
        Format, typer.Option("--format", help="Columns for a spreadsheet, or a JSON object a line.")
    ] = Format.CSV,
) -> None:
    """Every grant, to standard output."""
    from bot.billing import export

    configure_logs(level="WARNING")
    asyncio.run(export(_settings(), form))


@cli.command()
def audit(
    place: Annotated[str | None, typer.Argument(help="For example discord:<guild id>; all places without it.")] = None,
    limit: int = 50,
) -> None:
    """The latest changes of settings, roles, money and policy."""
    from bot.maintenance import print_audit

    configure_logs(level="WARNING")
    asyncio.run(print_audit(_settings(), place, limit))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    cli()
