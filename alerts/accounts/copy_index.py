"""The accounts of the last 72 hours, found by the bands that a copy has in common with them."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.accounts.copies import Text, is_copy

# Wire services and portals repeat a text within hours, rarely days; a text that comes back
# after three days (a daily wrap's boilerplate, an anniversary) is news again.
COPY_WINDOW = timedelta(hours=72)

# In one band; templates fill a band with what is no copy.
_MOST_IN_BAND = 24
# A backstop for the memory of a worker: some 6 kB each, with what their stories keep.
MOST_ACCOUNTS = 40_000


@dataclass(frozen=True, slots=True)
class Account:
    """An item that is no copy, as the index keeps it.

    Attributes:
        story: Number of the account that began its story; 0 where nobody asks for stories.
    """

    id: str
    at: datetime
    text: Text
    story: int = 0


class CopyIndex:
    """The accounts of the last 72 hours of event time, by their bands; bounded.

    Of a text that is copied a million times only the account is kept.
    """

    def __init__(self, *, most: int = MOST_ACCOUNTS) -> None:
        """Begin empty; ``most`` accounts are kept."""
        self._most = most
        self._accounts: OrderedDict[str, Account] = OrderedDict()
        # Most hold one id, which stands there without a tuple: twenty bands an account.
        self._bands: dict[int, str | tuple[str, ...]] = {}

    def __len__(self) -> int:
        """Return how many accounts are kept."""
        return len(self._accounts)

    def find(self, at: datetime, text: Text) -> Account | None:
        """Return the account that a text repeats, the one most alike, or None."""
        counts: dict[str, int] = {}
        for band in text.bands:
            for one in self._in_band(band):
                counts[one] = counts.get(one, 0) + 1
        # Most bands in common first; the earlier of two, for counts are in order of arrival.
        for candidate in sorted(counts, key=lambda one: -counts[one])[:_MOST_IN_BAND]:
            account = self._accounts[candidate]
            near = abs(at - account.at) < COPY_WINDOW
            if near and is_copy(text, account.text):
                return account
        return None

    def add(self, account: Account, now: datetime) -> list[str]:
        """Take in an account, and let go of those too old at the event time ``now``.

        Returns the ids of those let go.
        """
        self._accounts[account.id] = account
        for band in account.text.bands:
            self._keep(band, (*self._in_band(band), account.id)[-_MOST_IN_BAND:])
        return list(self._forgotten(now))

    def _forgotten(self, now: datetime) -> Iterator[str]:
        """Let go of the oldest by arrival; late ones leave with their neighbours."""
        while self._accounts:
            first = next(iter(self._accounts.values()))
            if len(self._accounts) <= self._most and now - first.at < COPY_WINDOW:
                return
            del self._accounts[first.id]
            for band in first.text.bands:
                self._remove(band, first.id)
            yield first.id

    def _remove(self, band: int, account_id: str) -> None:
        self._keep(band, tuple(one for one in self._in_band(band) if one != account_id))

    def _in_band(self, band: int) -> tuple[str, ...]:
        ids = self._bands.get(band, ())
        return (ids,) if isinstance(ids, str) else ids

    def _keep(self, band: int, ids: tuple[str, ...]) -> None:
        if ids:
            self._bands[band] = ids if len(ids) > 1 else ids[0]
        else:
            self._bands.pop(band, None)
