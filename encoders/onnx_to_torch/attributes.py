"""Attributes of an ONNX node, with the defaults of the standard."""

from typing import Any, Final

import onnx
from onnx import helper


class Unsupported(ValueError):  # noqa: N818  it says what a node is, and becomes an `EncoderError`
    """An operator, or a use of one, that is not run here; the text says which."""


class Attributes:
    """What a node says besides its inputs. `outputs` is how many of its outputs are wanted."""

    def __init__(self, node: onnx.NodeProto) -> None:
        self._values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        self.outputs: Final = len(node.output)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def integer(self, name: str, default: int = 0) -> int:
        """Return a whole number."""
        return int(self._values.get(name, default))

    def number(self, name: str, default: float = 0.0) -> float:
        """Return a number."""
        return float(self._values.get(name, default))

    def integers(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return whole numbers."""
        return tuple(self._values.get(name, default))

    def word(self, name: str, default: str) -> str:
        """Return a text."""
        value: Any = self._values.get(name, default)
        return value.decode() if isinstance(value, bytes) else str(value)

    def tensor(self, name: str) -> onnx.TensorProto | None:
        """Return a tensor, None where the node has none of this name."""
        value: onnx.TensorProto | None = self._values.get(name)
        return value

    def expect(self, name: str, *allowed: int | str, default: int | str) -> None:
        """Raise `Unsupported` where an attribute has a value that is not run here."""
        value = self.word(name, default) if isinstance(default, str) else self.integer(name, default)
        if value not in allowed:
            raise Unsupported(f"{name} {value!r}")
