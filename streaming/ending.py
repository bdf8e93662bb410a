"""What a process that ends still does, and how long it waits for that."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait


def ended_within(seconds: float, *ends: Callable[[], object]) -> bool:
    """Do all at once, each on a thread of its own; False where one is still at work after `seconds`. Raises what one raised.

    What is still at work then ends with the process: it is for what helps others and is not owed, as leaving a group in order.
    """
    threads = ThreadPoolExecutor(len(ends), "ending")
    ending = [threads.submit(end) for end in ends]
    threads.shutdown(wait=False)
    ended, late = wait(ending, seconds)
    for one in ended:
        one.result()
    return not late
