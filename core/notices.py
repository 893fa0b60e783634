"""What people may ask not to be told, and what they must know all the same."""

from collections.abc import Collection, Mapping, Sequence

from core.records.notices import Channel, NoticeKind, Topic

TOPICS: Mapping[NoticeKind, Topic] = {
    NoticeKind.PAID: Topic.RECEIPTS,
    NoticeKind.REFUNDED: Topic.RECEIPTS,
    NoticeKind.DOUBLE_REFUNDED: Topic.RECEIPTS,
    NoticeKind.PAYMENT_FAILED: Topic.TROUBLE,
    NoticeKind.DISPUTED: Topic.TROUBLE,
    NoticeKind.PLACE_GONE: Topic.TROUBLE,
    NoticeKind.TRIAL_ENDING: Topic.TROUBLE,
    NoticeKind.ENDED: Topic.TROUBLE,
    NoticeKind.PAUSED: Topic.PLAN,
    NoticeKind.RESUMED: Topic.PLAN,
    NoticeKind.CHANGED: Topic.PLAN,
    NoticeKind.TRANSFERRED: Topic.PLAN,
    NoticeKind.TIP_PAID: Topic.RECEIPTS,
    NoticeKind.TIP_RECEIVED: Topic.TIPS,
    NoticeKind.TIP_REFUNDED: Topic.RECEIPTS,
}
ESSENTIAL = frozenset({Topic.RECEIPTS, Topic.TROUBLE})
"""What is about somebody's money: of that, one channel and the page always tell."""
PREFERRED = (Channel.DISCORD, Channel.TELEGRAM, Channel.EMAIL)
"""The channel that stays, the first by which the person is reached."""


def is_muted(kind: NoticeKind, channel: Channel, reached: Collection[Channel], muted: Collection[Topic]) -> bool:
    """Whether somebody who muted some topics, and is reached by some channels, is not told by this one."""
    topic = TOPICS[kind]
    if topic not in muted:
        return False
    return topic not in ESSENTIAL or channel not in {Channel.WEB, *_stays(reached)}


def _stays(reached: Collection[Channel]) -> Sequence[Channel]:
    return [it for it in PREFERRED if it in reached][:1]
