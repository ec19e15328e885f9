"""What time it is in a stream of items, by what they say themselves."""

from collections import deque
from datetime import datetime

# Neither one item with a wrong date nor a few late ones move the clock.
_RECENT, _AHEAD = 100, 10


class StreamClock:
    """Event time as the last hundred items tell it: the tenth newest of them."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._recent: deque[datetime] = deque(maxlen=_RECENT)

    def read(self, at: datetime) -> datetime:
        """Return the time, given the event time of one more item."""
        self._recent.append(at)
        return sorted(self._recent)[-min(_AHEAD, len(self._recent))]
