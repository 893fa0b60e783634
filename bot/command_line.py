"""What commands of the command line share."""

from enum import StrEnum

import typer
from pydantic import ValidationError

from bot.config import Settings

PERSON = typer.Argument(help="A person's id, or an identity such as discord:<user id>.")
PLACE = typer.Argument(help="A place such as web:lobby, or the id of its room.")


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"


def settings() -> Settings:
    """From the environment; what is wrong with them ends the program with a line each."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"{name}: {problem['msg'].removeprefix('Value error, ')}", err=True)
        raise typer.Exit(2) from None
