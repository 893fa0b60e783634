"""A party in numbers: who is there, what they queue and what they like. A model, not data of people."""

from dataclasses import dataclass, field
from random import Random

LISTENERS = 12
MINORITY = 3
AHEAD = 3
"""How many songs each listener keeps in the queue."""
OWN_TASTE, OTHER_TASTE = 0.5, 0.08
"""How likely somebody likes a song of their own taste, and any other."""
SPAM = 30
SOCKS = 4
SPAMMER = "spammer"


@dataclass(frozen=True, slots=True)
class Song:
    """One request; `fans` vote for it, its requester likes it without a vote."""

    number: int
    person: str
    length: int
    fans: frozenset[str]

    def liked_by(self, person: str) -> bool:
        """Whether somebody is glad to hear it."""
        return person == self.person or person in self.fans


@dataclass(slots=True)
class Party:
    """Twelve listeners, three of another taste; perhaps somebody who queues thirty songs, perhaps with four friends
    made up only to vote for them.
    """

    seed: int
    spam: bool = False
    socks: bool = False
    songs: int = field(default=0, init=False)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    @property
    def listeners(self) -> list[str]:
        """Those who listen; the last ones are the minority."""
        return [f"listener {number}" for number in range(LISTENERS)]

    @property
    def minority(self) -> list[str]:
        """Those of the other taste."""
        return self.listeners[-MINORITY:]

    @property
    def voters(self) -> list[str]:
        """Everybody who is present."""
        extra = [SPAMMER] * self.spam + [f"sock {number}" for number in range(SOCKS * self.socks)]
        return self.listeners + extra

    def begin(self) -> list[Song]:
        """What is queued at first, in the order of arrival."""
        people = self.listeners * AHEAD
        self.random.shuffle(people)
        if self.spam:
            at = self.random.randrange(len(people) + 1)
            people[at:at] = [SPAMMER] * SPAM
        return [self.song(person) for person in people]

    def song(self, person: str) -> Song:
        """Another request of somebody."""
        self.songs += 1
        minority = self.minority
        fans = {
            other
            for other in self.listeners
            if other != person
            and self.random.random() < self._taste(person, (other in minority) == (person in minority))
        }
        if person == SPAMMER and self.socks:
            fans.update(f"sock {number}" for number in range(SOCKS))
        return Song(self.songs, person, int(self.random.lognormvariate(12.2, 0.25)), frozenset(fans))

    def _taste(self, person: str, alike: bool) -> float:
        return OWN_TASTE if alike and person != SPAMMER else OTHER_TASTE
