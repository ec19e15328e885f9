"""Which row of an array each key has."""


class Rows:
    """Rows by key; one that was given back is used again, so that an array grows no further."""

    def __init__(self) -> None:
        """Begin without any."""
        self._rows: dict[int, int] = {}
        self._keys: list[int | None] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        """Return how many rows were ever used at a time."""
        return len(self._keys)

    def find(self, key: int) -> int | None:
        """Return the row of a key; None where it has none."""
        return self._rows.get(key)

    def key(self, row: int) -> int | None:
        """Return whose a row is; None where it is free."""
        return self._keys[row]

    def take(self, key: int) -> int:
        """Return a row for a key that has none: a free one, or the next after all."""
        if self._free:
            row = self._free.pop()
            self._keys[row] = key
        else:
            row = len(self._keys)
            self._keys.append(key)
        self._rows[key] = row
        return row

    def give_back(self, key: int) -> int | None:
        """Return the row that a key had, which is free now; None where it had none."""
        row = self._rows.pop(key, None)
        if row is not None:
            self._keys[row] = None
            self._free.append(row)
        return row
