"""What a process that ends still does, and how long it waits for that."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from streaming.logs import get_logger

log = get_logger("ending")


def end_within(seconds: float, *ends: Callable[[], object]) -> bool:
    """Do these in order, on a thread of their own; False, and a warning, where they have not ended after `seconds`.

    Raises what one raises. What is not done by then ends with the process (`streaming.main` waits for no thread): it is for what
    helps others and is not owed, as leaving a group in order.
    """
    thread = ThreadPoolExecutor(1, "ending")
    ending = thread.submit(lambda: [end() for end in ends])
    thread.shutdown(wait=False)
    if wait((ending,), seconds).not_done:
        log.warning("a server does not answer: not all is ended in order", waited_seconds=seconds)
        return False
    ending.result()
    return True
