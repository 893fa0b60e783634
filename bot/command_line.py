"""What commands of the command line share."""

import sys
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
    """From the environment; what is wrong with them, or with what was typed, ends the program with a line each."""
    if any("\udc80" <= letter <= "\udcff" for word in sys.argv for letter in word):  # see PEP 383
        typer.echo("What was typed is not UTF-8.", err=True)
        raise typer.Exit(2)
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"{name}: {problem['msg'].removeprefix('Value error, ')}", err=True)
        raise typer.Exit(2) from None
