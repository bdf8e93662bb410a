"""A corpus of rows in a real Milvus, in a collection and alias of its own, for tests of reading."""

import uuid
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
from pymilvus import DataType, MilvusClient

from schemas.collection import FIELDS, METRIC, VECTOR_INDEX, CollectionSettings, Row
from schemas.identity import row_key, sample_hash, source_no
from schemas.messages import Life, Source

TYPES = {"VARCHAR": DataType.VARCHAR, "INT64": DataType.INT64, "INT32": DataType.INT32, "BOOL": DataType.BOOL}
SECONDS = 20.0


@dataclass
class Corpus:
    """A collection behind an alias of its own."""

    client: MilvusClient
    name: str
    alias: str
    dimension: int

    def write(self, rows: list[Row]) -> None:
        """Upsert rows."""
        for start in range(0, len(rows), 500):
            self.client.upsert(self.name, [msgspec.structs.asdict(row) for row in rows[start : start + 500]], timeout=SECONDS)

    def visible(self) -> int:
        """Return how many rows a read sees after all that was written."""
        count = self.client.query(self.name, output_fields=["count(*)"], consistency_level="Strong", timeout=SECONDS)
        return int(count[0]["count(*)"])

    def drop(self) -> None:
        """Remove the collection."""
        self.client.drop_alias(self.alias, timeout=SECONDS)
        self.client.drop_collection(self.name, timeout=SECONDS)
        self.client.close()


def make_corpus(address: str, space: str, dimension: int) -> Corpus:
    """Make an empty collection as the indexer declares it."""
    client = MilvusClient(uri=address, timeout=SECONDS)
    name = f"test_{uuid.uuid4().hex[:12]}"
    settings = CollectionSettings(space=space, sigma_seconds=1.0, cut_memory=8, cut_fixed_threshold=0.5, cut_deviations=6.0)
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False, description=msgspec.json.encode(settings).decode())
    index = client.prepare_index_params()
    for field in FIELDS:
        if field.type == "FLOAT_VECTOR":
            schema.add_field(field.name, DataType.FLOAT_VECTOR, dim=dimension)
            index.add_index(field.name, index_type=VECTOR_INDEX["index_type"], metric_type=METRIC, params=VECTOR_INDEX["params"])
        elif field.type.startswith("ARRAY"):
            kind = (
                {"element_type": DataType.FLOAT}
                if "FLOAT" in field.type
                else {"element_type": DataType.VARCHAR, "max_length": 64}
            )
            schema.add_field(field.name, DataType.ARRAY, max_capacity=field.size, **kind)
        else:
            length = {"max_length": field.size} if field.type == "VARCHAR" else {}
            schema.add_field(field.name, TYPES[field.type], is_primary=field.primary, **length)
    client.create_collection(name, schema=schema, index_params=index, timeout=SECONDS)
    alias = f"alias_{name}"
    client.create_alias(name, alias, timeout=SECONDS)
    return Corpus(client, name, alias, dimension)


def row(source: Source, t_ms: int, vector: npt.NDArray[np.float32], captured_ms: int = -1, life: int | None = None) -> Row:
    """Return the row of one moment."""
    life = source.life if life is None else life
    key = row_key(source.source_id, life, "f", t_ms)
    return Row(
        id=key, source_id=source.source_id, source_no=source_no(source.source_id), life=life, part="f", t_ms=t_ms, end_ms=t_ms,
        captured_ms=captured_ms, sample_hash=sample_hash(key), vector=vector,
    )  # fmt: skip


def file_source(source_id: str, life: int = 1, **fields: object) -> Source:
    """Return the record of a file."""
    lives = tuple(Life(life=number, began_ms=number) for number in range(1, life + 1))
    given = {"kind": "file", "url": f"/videos/{source_id}.mp4", "sample_fps": 2.0} | fields
    return msgspec.convert({"source_id": source_id, "life": life, "lives": msgspec.to_builtins(lives), **given}, Source)


def unit(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return vectors at unit length."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)
