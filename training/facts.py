"""Which facts of photos are classes of the second task, and which words name nothing."""

import re

FEWEST_PHOTOS = 15
"""A label, broader word or caption word is a class where it is known of so many photos."""
FILLERS = frozenset(
    re.findall(
        "[a-z]+",
        "a an and are as at by for from has have he her his in into is it its of off on onto or out over "
        "she some that the their them there they this through to up while who with",
    )
)
"""Words that name nothing which a picture could show."""
