"""The value of an embedding record: float16, little-endian, nothing else."""

import numpy as np
import numpy.typing as npt

from schemas.errors import InvalidMessage


def encode_vector(vector: npt.NDArray[np.floating]) -> bytes:
    """Return the record value of a vector of shape (dimension,)."""
    return np.ascontiguousarray(vector, dtype="<f2").tobytes()


def decode_vector(value: bytes | None, dimension: int) -> npt.NDArray[np.float32]:
    """Return the unit vector, float32 of shape (dimension,), in a record value.

    Raises `InvalidMessage` for another length, a number that is not finite, or a vector without direction.
    """
    size_bytes = len(value or b"")
    if size_bytes != 2 * dimension:
        raise InvalidMessage(f"value has {size_bytes} bytes: {dimension} float16 numbers take {2 * dimension}")
    vector = np.frombuffer(value or b"", dtype="<f2").astype(np.float32)
    if not np.isfinite(vector).all():
        raise InvalidMessage("a number of the vector is not finite: expected a unit vector")
    norm = float(np.linalg.norm(vector))
    if norm < 1e-3:
        raise InvalidMessage(f"vector of length {norm}: expected a unit vector")
    return vector / np.float32(norm)
