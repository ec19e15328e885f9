"""How long each partition has stood still with work waiting; pure, the clock is given."""

from collections.abc import Mapping
from dataclasses import dataclass

from db.rows import Progress
from pipeline.stages.watermark import is_lagging


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """Work that waits in one partition.

    Attributes:
        stored: The offset after the last message that is stored; 0 before the first.
        end: The offset after the last message that was produced.
        unmoved_s: Seconds since ``stored`` was first seen at this value with work waiting.
    """

    partition: int
    stored: int
    end: int
    unmoved_s: float

    @property
    def messages(self) -> int:
        """How many messages wait."""
        return max(0, self.end - self.stored)


class LagWatch:
    """Remembers from look to look where each partition stood. Not for several threads."""

    def __init__(self) -> None:
        self._stood: dict[int, tuple[int, float]] = {}

    def look(
        self, progress: Mapping[int, Progress], end_offsets: Mapping[int, int], *, now_s: float
    ) -> list[PartitionLag]:
        """Compare where each partition is stored with where it ends.

        Args:
            progress: How far each partition is stored.
            end_offsets: The offset after the last message of each partition; where it is stored
                if no message is left to be read. A partition that is not among them is forgotten.
            now_s: Any clock that does not go back.

        Returns:
            The lag of every partition, in their order.
        """
        self._stood = {number: one for number, one in self._stood.items() if number in end_offsets}
        return [
            self._look(partition, progress, end, now_s)
            for partition, end in sorted(end_offsets.items())
        ]

    def _look(
        self, partition: int, progress: Mapping[int, Progress], end: int, now_s: float
    ) -> PartitionLag:
        stored = progress[partition].next_offset if partition in progress else 0
        if not is_lagging(partition, progress, end):
            self._stood.pop(partition, None)
            return PartitionLag(partition, stored, end, 0.0)
        seen, since_s = self._stood.get(partition, (stored, now_s))
        if seen != stored:
            since_s = now_s
        self._stood[partition] = (stored, since_s)
        return PartitionLag(partition, stored, end, now_s - since_s)
