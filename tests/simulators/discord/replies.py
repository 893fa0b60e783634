"""What a person sees of the bot's answer to one interaction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulators.discord.bodies import Json
    from tests.simulators.discord.interactions import Interaction
    from tests.simulators.discord.messages import Message

DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE = 5, 6, 7


@dataclass(frozen=True, eq=False)
class Reply:
    """The bot's answer to one interaction; a live view, so later edits and follow-ups show too."""

    interaction: "Interaction"

    @property
    def message(self) -> "Message":
        """The message that answers (for `press` with an update: the message pressed)."""
        message = self.interaction.original
        if message is None:
            raise AssertionError("the bot answered without a message")
        return message

    @property
    def content(self) -> str:
        return self.message.content

    @property
    def embeds(self) -> "list[Json]":
        return self.message.embeds

    @property
    def components(self) -> "list[Json]":
        return self.message.components

    @property
    def text(self) -> str:
        """All that the person reads: the answer and the follow-ups."""
        answer = [] if self.interaction.original is None else [self.message.text]
        return "\n".join([*answer, *(message.text for message in self.followups)])

    @property
    def pings(self) -> list[str]:
        return self.message.pings

    @property
    def ephemeral(self) -> bool:
        return self.message.ephemeral

    @property
    def deferred(self) -> bool:
        return self.interaction.deferred

    @property
    def updated(self) -> bool:
        """Whether the pressed message itself was (or will be) updated."""
        return self.interaction.response in (UPDATE, DEFERRED_UPDATE)

    @property
    def edits(self) -> "list[Json]":
        """The former shapes of the answer, oldest first."""
        return [payload for _, payload in self.message.versions[:-1]]

    @property
    def followups(self) -> "list[Message]":
        return [message for message in self.interaction.followups if not message.deleted]

    @property
    def choices(self) -> "list[Json]":
        return self.interaction.choices

    @property
    def modal(self) -> "Json | None":
        return self.interaction.modal

    @property
    def ack_ms(self) -> float:
        """From the sending of the interaction to its acknowledgement."""
        return ((self.interaction.acked or float("inf")) - self.interaction.sent) * 1000

    @property
    def answer_ms(self) -> float:
        """From the sending of the interaction to the final answer."""
        return ((self.interaction.finished or float("inf")) - self.interaction.sent) * 1000
