"""The default order at a few of the benchmark's parties: everybody gets their share, whoever votes or spams."""

from statistics import mean

from bench.fairness import airtime, liked, party
from bench.party import SPAMMER, Party, Song
from bench.rules import Chorus, Fifo
from core.enums import Mode

SEEDS = range(8)


def fair(held: Party) -> Chorus:
    return Chorus(held, Mode.FAIR)


def likes(held: Party, heard: list[Song]) -> float:
    return mean(liked(heard, person) for person in held.listeners)


def test_everybody_gets_the_same_turns_and_more_is_liked_than_by_age() -> None:
    ours = [party(fair, seed) for seed in SEEDS]
    fifo = [party(lambda _: Fifo(), seed) for seed in SEEDS]
    for held, heard in ours:
        assert dict.fromkeys(held.listeners, 10) == {
            person: sum(song.person == person for song in heard) for person in held.listeners
        }
    assert abs(mean(airtime(heard, held.minority) for held, heard in ours) - 25) <= 1
    assert mean(likes(*one) for one in ours) > mean(likes(*one) for one in fifo) + 1


def test_a_spammer_with_sock_puppets_gets_one_share() -> None:
    parties = [party(fair, seed, spam=True, socks=True) for seed in SEEDS]
    assert mean(airtime(heard, [SPAMMER]) for _, heard in parties) <= 9
