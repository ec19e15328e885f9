"""How often each caller may ask.

Counted in this process's memory: each process counts for itself, and a restart begins anew.
"""

import threading
from collections import Counter

_WINDOW_S = 60.0
# Beyond so many callers in a window, new ones share one count: memory stays bounded.
_MAX_CALLERS = 10_000
_OTHERS = "others"


class RateLimit:
    """Counts callers by the minute; threads may share one.

    Args:
        per_window: Most requests of one caller in a minute.
    """

    def __init__(self, per_window: int) -> None:
        self._per_window = per_window
        self._lock = threading.Lock()
        self._counts: Counter[object] = Counter()
        self._began_s = 0.0

    def excess(self, caller: object, *, now_s: float) -> tuple[int, float]:
        """Count a request.

        Args:
            caller: Whose, hashable.
            now_s: Any clock that does not go back.

        Returns:
            By how many requests the caller is over the limit, 0 if it is not; and the seconds
            until the next window.
        """
        with self._lock:
            if now_s - self._began_s >= _WINDOW_S:
                self._counts.clear()
                self._began_s = now_s
            if caller not in self._counts and len(self._counts) >= _MAX_CALLERS:
                caller = _OTHERS
            self._counts[caller] += 1
            over = max(0, self._counts[caller] - self._per_window)
            return over, self._began_s + _WINDOW_S - now_s
