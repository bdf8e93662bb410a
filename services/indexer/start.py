"""What an indexer, and a rebuild, needs before it reads."""

import threading
from collections.abc import Callable
from typing import Final

from encoders.errors import EncoderError
from encoders.folder import ModelFolder
from encoders.lookup import find_folder
from schemas.collection import CollectionSettings
from services.indexer.settings import IndexerSettings
from services.indexer.store import Store, WrongCollection
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.settings import SettingError

RETRY_SECONDS: Final = 1.0
log = get_logger("start")


def model_of(settings: IndexerSettings) -> ModelFolder:
    """Return the model whose space is indexed; raises `SettingError`."""
    try:
        return find_folder(settings.encoder)
    except EncoderError as error:
        raise SettingError(f"FRAMEBUS_ENCODER is {settings.encoder!r}: {error}") from None


def collection_settings(settings: IndexerSettings, space: str) -> CollectionSettings:
    """Return what the rows of the collection are made with."""
    return CollectionSettings(
        space=space,
        sigma_seconds=settings.sigma_seconds,
        cut_memory=settings.cut_memory,
        cut_fixed_threshold=settings.cut_fixed_threshold,
        cut_deviations=settings.cut_deviations,
    )


def prepare(store: Store) -> None:
    """Make the collection ready; one that was made with other settings is a `SettingError`."""
    try:
        store.prepare()
    except WrongCollection as error:
        raise SettingError(str(error)) from None


def until(act: Callable[[], object], stopping: threading.Event) -> bool:
    """Call `act` until what it needs answers; False when the process is asked to stop before."""
    while not stopping.is_set():
        try:
            act()
        except Unavailable as error:
            log.warning("waiting", reason=str(error), retry_in_seconds=RETRY_SECONDS)
            stopping.wait(RETRY_SECONDS)
        else:
            return True
    return False
