"""`python -m bot billing …`."""

import asyncio
from typing import Annotated

import typer

from bot.command_line import PLACE, Format, settings
from bot.logs import configure_logs

billing_cli = typer.Typer(no_args_is_help=True, help="Plans: who was given which.")
WHOM = typer.Argument(help="A place, person: and an id or identity (person:discord:<user id>), or organisation:<name>.")


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
    asyncio.run(gift(settings(), whom, plan, days=days, trial=trial, ref=ref, reason=reason))


@billing_cli.command()
def revoke(grant: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="Its number in the list.")]) -> None:
    """A gift or a trial counts no longer. Nothing that was gathered under it is lost."""
    from bot.billing import revoke

    configure_logs(level="WARNING")
    asyncio.run(revoke(settings(), grant))


@billing_cli.command()
def cover(whom: Annotated[str, WHOM], place: Annotated[str, PLACE]) -> None:
    """The plan of a person (its host) or an organisation counts for a place from now on."""
    from bot.billing import cover

    configure_logs(level="WARNING")
    asyncio.run(cover(settings(), whom, place, on=True))


@billing_cli.command()
def uncover(whom: Annotated[str, WHOM], place: Annotated[str, PLACE]) -> None:
    """It does not count there any more."""
    from bot.billing import cover

    configure_logs(level="WARNING")
    asyncio.run(cover(settings(), whom, place, on=False))


@billing_cli.command()
def doctor() -> None:
    """Whether what sells plans is set right: keys, mode, the endpoint's events and version, prices, parity."""
    from bot.doctor import diagnose

    configure_logs(level="ERROR")
    raise typer.Exit(asyncio.run(diagnose(settings())))


@billing_cli.command()
def replay(
    event: Annotated[
        str | None, typer.Argument(help="An event of Stripe's (evt_…); without it all dead letters.")
    ] = None,
) -> None:
    """Have what was given up, or one event, looked at again."""
    from bot.billing import replay

    configure_logs(level="WARNING")
    asyncio.run(replay(settings(), event))


@billing_cli.command("list")
def list_grants() -> None:
    """Every grant, and for which places the plans of others count."""
    from bot.billing import show

    configure_logs(level="WARNING")
    asyncio.run(show(settings()))


@billing_cli.command()
def usage(
    place: Annotated[str | None, typer.Argument(help="For example discord:<guild id>; all places without it.")] = None,
) -> None:
    """What places use in the present period of what is counted, beside what their plans allow."""
    from bot.billing import usage

    configure_logs(level="WARNING")
    asyncio.run(usage(settings(), place))


@billing_cli.command()
def refund_stars(
    charge: Annotated[str, typer.Argument(help="What Telegram calls the payment; the payer is told by /paysupport.")],
) -> None:
    """Give Telegram Stars back. Their subscription ends, and the plan that they paid for."""
    from bot.stars import refund

    configure_logs(level="WARNING")
    asyncio.run(refund(settings(), charge))


@billing_cli.command("refund-tip")
def refund_tip(tip: Annotated[str, typer.Argument(help="Its id, which Stripe shows as metadata.tip.")]) -> None:
    """Pay a tip back: what the DJ got returns, and your fee too. The running bot does it."""
    from bot.billing import refund_tip

    configure_logs(level="WARNING")
    asyncio.run(refund_tip(settings(), tip))


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
    asyncio.run(export(settings(), form))
