"""What was told of late. Pure."""


class Recent:
    """Remembers the `most` names that were noted last, however many there are."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._names: dict[str, None] = {}

    def note(self, name: str) -> bool:
        """Note a name; return whether it was not remembered."""
        is_new = name not in self._names
        self._names.pop(name, None)
        self._names[name] = None
        if len(self._names) > self._most:
            del self._names[next(iter(self._names))]
        return is_new
