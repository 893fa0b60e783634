"""A Bot API server on loopback, strict on input and exact on output, for the real client library.

    async with TelegramSimulator.start() as telegram:
        ann, ben = telegram.user("Ann"), telegram.user("Ben")
        chat = telegram.group("Testers", ann, ben)  # the first one owns it
        ...start the bot with telegram.env()...
        reply = await ann.say("/play tone", in_=chat)
        toast = await ben.press(chat.live, "Skip")

What a correct client never sends is answered as Telegram would, kept in `telegram.failures`, and fails the test when
the block ends.
"""

from tests.simulators.telegram.chats import Chat
from tests.simulators.telegram.errors import NotAnsweredError
from tests.simulators.telegram.messages import Message
from tests.simulators.telegram.people import Person
from tests.simulators.telegram.simulator import TelegramSimulator

__all__ = ["Chat", "Message", "NotAnsweredError", "Person", "TelegramSimulator"]
