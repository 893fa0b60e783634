"""The command line of a node (docs/nodes.md)."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
from pathlib import Path

from lavalink.limits import Limits

HIGHEST_PORT = 65_535
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """What was asked for, `limits` among it; exits with 2 when it cannot be done."""
    parser = argparse.ArgumentParser("python -m lavalink", description="Starts a node (docs/nodes.md).")
    _add_options(parser)
    options = parser.parse_args(arguments)
    if options.password_env is None and not _is_loopback(options.host):
        parser.error(f"others than this machine reach {options.host}: --password-env must name a password")
    if options.password_env is None and options.info_file is None:
        parser.error("without --password-env the password is made here: --info-file must say where to leave it")
    if options.password_env is not None and not os.environ.get(options.password_env):
        parser.error(f"the environment variable {options.password_env} is empty")
    options.limits = Limits(options.max_players, options.max_sources, options.max_bandwidth, options.memory_limit)
    return options


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=_port, default=2333, help="port to listen on, 0 for any free one (default: 2333)")
    add("--password-env", metavar="NAME", help="environment variable that holds the password (default: a new one)")
    add("--info-file", type=Path, metavar="FILE", help="where to write pid, port and password once listening")
    add("--announce", action="store_true", help="write the same as one line to standard output")
    add("--media-origin", action="append", metavar="ORIGIN", help="fetch from this origin only (repeatable)")
    add("--orphan-timeout", type=float, metavar="SECONDS", help="exit after so long without any client")
    add("--processes", type=_positive, default=1, metavar="N", help="spread players over so many (50 players each)")
    add("--max-players", type=_positive, metavar="N", help="refuse new players beyond so many")
    add("--max-sources", type=_positive, metavar="N", help="refuse new tracks beyond so many open at once")
    add("--max-bandwidth", type=_size, metavar="BYTES", help="refuse new players above so much a second (2M)")
    add("--memory-limit", type=_size, metavar="BYTES", help="refuse new players when so much is in use (512M)")
    add("--behind", action="store_true", help=argparse.SUPPRESS)  # one of several: ends with standard input


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {HIGHEST_PORT}")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return int(text)


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError("must be a number of bytes, such as 512M")
    return int(match[1]) * UNITS[match[2]]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
