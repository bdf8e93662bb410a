"""The one failure that belongs to a message and not to the process that reads it."""


class InvalidMessage(ValueError):  # noqa: N818  the name of the design, and what it is
    """A record that can never be processed; its text is the `dlq_reason` that a person reads.

    The text names the value, the rule it breaks and, where there is one, the way out.
    """
