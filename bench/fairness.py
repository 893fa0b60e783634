"""How fair each order is: a hundred parties of 120 songs, played by our modes and by the rules of other bots.

Bars, for the default mode: the minority's airtime within one point of its share of the people (25 %), a spammer with
sock puppets at 9 % at most, songs liked as often as in the order of arrival or more. Writes docs/fairness.md's table
and its plot; fixed seeds, so that they come out the same each time.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from statistics import mean
from typing import Any

from bench.fairness_page import Figures, write
from bench.figures import judged
from bench.party import LISTENERS, MINORITY, SPAMMER, Party, Song
from bench.rules import Chorus, Festify, Fifo, MusicBot, Pikaraoke, Rule, Vocard
from core.enums import Mode, TurnMeasure

SEEDS = 100
PLAYS = 120

Make = Callable[[Party], Rule]

RULES: dict[str, Make] = {
    "Chorus fair (the default)": lambda party: Chorus(party, Mode.FAIR),
    "Chorus fair, turns by airtime": lambda party: Chorus(party, Mode.FAIR, TurnMeasure.AIRTIME),
    "Chorus proportional": lambda party: Chorus(party, Mode.PROPORTIONAL),
    "Chorus votes": lambda party: Chorus(party, Mode.VOTES),
    "Chorus fifo, dj": lambda party: Chorus(party, Mode.FIFO),
    "Vocard, fair queue": lambda _: Vocard(),
    "JMusicBot, fair queue": lambda _: MusicBot(),
    "pikaraoke, fair queue": lambda _: Pikaraoke(),
    "Festify (votes, then age)": lambda _: Festify(),
    "plain FIFO": lambda _: Fifo(),
}


def played(party: Party, rule: Rule) -> list[Song]:
    """What a party hears; whoever's song starts asks for another one."""
    for song in party.begin():
        rule.add(song)
    heard: list[Song] = []
    while len(heard) < PLAYS:
        heard.append(rule.play())
        if heard[-1].person != SPAMMER:
            rule.add(party.song(heard[-1].person))
    return heard


def airtime(songs: Iterable[Song], people: Iterable[str]) -> float:
    """The share of the time in which songs of these people played, in percent."""
    total = {song: song.length for song in songs}
    theirs = set(people)
    return 100 * sum(length for song, length in total.items() if song.person in theirs) / sum(total.values())


def gap(songs: list[Song], person: str) -> int:
    """The most songs of others in a row, from the first one on and up to the last."""
    longest = run = 0
    for song in songs:
        run = 0 if song.person == person else run + 1
        longest = max(longest, run)
    return longest


def liked(songs: list[Song], person: str) -> float:
    """How many of the songs somebody likes, in percent."""
    return 100 * sum(song.liked_by(person) for song in songs) / len(songs)


def judge(held: Party, heard: list[Song]) -> tuple[float, float, float, float]:
    """The minority's airtime, the longest gap, how much is liked on average and by whoever likes least."""
    likes = [liked(heard, person) for person in held.listeners]
    longest = max(gap(heard, person) for person in held.listeners)
    return airtime(heard, held.minority), longest, mean(likes), min(likes)


def party(make: Make, seed: int, *, spam: bool = False, socks: bool = False) -> tuple[Party, list[Song]]:
    """A party, and what it heard by a rule."""
    held = Party(seed, spam=spam, socks=socks)
    return held, played(held, make(held))


def figures(name: str) -> Figures:
    """One rule at all parties."""
    make = RULES[name]
    honest = [judge(*party(make, seed)) for seed in range(SEEDS)]
    spam = [airtime(party(make, seed, spam=True)[1], [SPAMMER]) for seed in range(SEEDS)]
    socks = [airtime(party(make, seed, spam=True, socks=True)[1], [SPAMMER]) for seed in range(SEEDS)]
    minority, longest, likes, least = (mean(values) for values in zip(*honest, strict=True))
    return Figures(minority, longest, likes, least, mean(spam), mean(socks))


async def run() -> dict[str, Any]:
    """All rules; the default mode beside its bars."""
    with ProcessPoolExecutor() as processes:
        found = dict(zip(RULES, processes.map(figures, RULES), strict=True))
    ours, fifo = found["Chorus fair (the default)"], found["plain FIFO"]
    write(found, fifo.liked)
    share = 100 * MINORITY / LISTENERS
    return {
        "minority_off_by": judged(abs(ours.minority - share), 1),
        "spammer_with_socks": judged(ours.with_socks, 9),
        "liked": judged(ours.liked, fifo.liked, least=True),
        "rules": {name: {key: round(value, 1) for key, value in asdict(one).items()} for name, one in found.items()},
    }
