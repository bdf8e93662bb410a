"""Labels as they are typed: KEY=VALUE."""

from collections.abc import Iterable

from framebus.cli.failure import bad_usage


def parse_labels(words: Iterable[str]) -> dict[str, str]:
    """Return labels from `KEY=VALUE` words; a value may hold `=`."""
    labels = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise bad_usage(word, "not a label", "give KEY=VALUE, for example site=north")
        labels[key] = value
    return labels
