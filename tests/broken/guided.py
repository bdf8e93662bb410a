"""`python -m tests.broken.guided TARGET CORPUS -seed=1 -max_total_time=60`: one target, guided by the lines that it reaches.

A process of its own: libFuzzer ends it with the first fault, which it writes below `-artifact_prefix`.
"""

import sys
from random import Random

import atheris


def main() -> None:
    """Try inputs until the time is over."""
    with atheris.instrument_imports(
        include=["schemas", "encoders", "originals", "services", "streaming"], enable_loader_override=False
    ):
        from tests.broken.fuzzing import one_input  # noqa: PLC0415  what is imported here is watched
        from tests.broken.targets import targets  # noqa: PLC0415
    name = sys.argv.pop(1)
    target = next(one for one in targets() if one.name == name)

    def mutate(content: bytes, longest: int, seed: int) -> bytes:
        """Half of the inputs come from libFuzzer, which knows what is new, and half from what a message means."""
        if seed % 2:
            return bytes(atheris.Mutate(content, longest))
        return one_input(target, Random(seed))[:longest]

    atheris.Setup(sys.argv, target.judge, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
