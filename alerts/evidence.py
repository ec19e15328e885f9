"""Choose the items that show why an alert fired."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from alerts.types import Mention


def most_telling(
    mentions: Sequence[Mention],
    *,
    at: datetime,
    window: timedelta,
    any_tone: bool = False,
    limit: int = 5,
) -> list[Mention]:
    """Choose the worst of the accounts of a window that the alert is about.

    The first round takes the worst account of each story. If that leaves room, as in a crisis
    which is one story told by many, the second takes sources not heard yet, and the third the
    rest.

    Args:
        mentions: Of one series, in any order; those outside ``(at - window, at]`` are ignored.
        at: End of the window, inclusive.
        window: Its length.
        any_tone: Whether the alert is about all accounts, and not the negative ones alone.
        limit: Most mentions returned.

    Returns:
        Distinct mentions, lowest score first in each round.
    """
    inside = {
        mention.item_id: mention
        for mention in mentions
        if at - window < mention.at <= at and (any_tone or mention.negative) and not mention.is_copy
    }
    worst = sorted(
        inside.values(), key=lambda mention: (mention.score, mention.at, mention.item_id)
    )
    told: set[int | str] = set()
    heard: set[str] = set()
    first: list[Mention] = []
    again: list[Mention] = []
    for mention in worst:
        (again if mention.story in told else first).append(mention)
        told.add(mention.story)
    chosen = first[:limit]
    heard.update(mention.source for mention in chosen)
    rest: list[Mention] = []
    for mention in again:
        (rest if mention.source in heard else chosen).append(mention)
        heard.add(mention.source)
    return [*chosen, *rest][:limit]
