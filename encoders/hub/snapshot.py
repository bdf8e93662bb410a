"""A repository's files on this machine, through huggingface_hub: fetched, or found in its cache where the hub is away."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import httpx
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils.tqdm import disable_progress_bars

from encoders.errors import EncoderError
from encoders.hub.address import Repository
from encoders.hub.cache import Say
from encoders.hub.files import SMALL, Checkpoint, check_files, layout_of, weight_names

ANSWER_SECONDS: Final = 10.0
WORKERS: Final = 1
"""Where one of several breaks off, huggingface_hub closes the client that the others are using."""


class HubAway(EncoderError):  # noqa: N818  names what is the matter
    """No answer of the hub, and no copy in its cache."""


def fetch(repository: Repository, say: Say) -> tuple[Checkpoint, str]:
    """Return the checked files of a repository and the commit that they are of; raises `EncoderError`.

    Nothing is fetched but what an export reads. Without an answer of the hub, the newest files in its cache are taken.
    """
    disable_progress_bars()
    try:
        info = None if constants.HF_HUB_OFFLINE else HfApi().model_info(
            repository.name, revision=repository.revision, timeout=ANSWER_SECONDS, files_metadata=True
        )  # fmt: skip
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise EncoderError(f"{repository}: {_refusal(error)}") from None
    except (httpx.HTTPError, OSError) as error:
        return _cached(repository, say, f"the hub at {constants.ENDPOINT} cannot be asked ({_first_line(error)})")
    if info is None:
        return _cached(repository, say, "HF_HUB_OFFLINE is set")
    commit = Repository(repository.name, str(info.sha)).commit
    if commit is None:
        raise EncoderError(f"{repository}: {constants.ENDPOINT} answers with {info.sha!r}, which is no commit")
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    say(f"{repository}: commit {commit}")
    folder = _download(repository, commit, sorted(set(SMALL) & set(sizes)))
    layout, _ = layout_of(folder)
    weights = weight_names(folder, layout, sizes)
    say(f"fetching {', '.join(weights)}: {sum(sizes.get(name, 0) for name in weights) / 1e6:,.0f} MB")
    _download(repository, commit, weights)
    return _checkpoint(repository, folder, sizes), commit


def _cached(repository: Repository, say: Say, reason: str) -> tuple[Checkpoint, str]:
    try:
        folder = Path(snapshot_download(repository.name, revision=repository.revision, local_files_only=True))
    except OSError:
        raise HubAway(
            f"{repository}: {reason}, and {constants.HF_HUB_CACHE} holds no copy of it; HF_ENDPOINT names another hub, "
            "HF_HUB_CACHE another cache, and hf:/path a downloaded model"
        ) from None
    say(f"{repository}: {reason}: taking {folder}")
    return _checkpoint(repository, folder, {path.name for path in folder.iterdir()}), folder.name


def _checkpoint(repository: Repository, folder: Path, names: Collection[str]) -> Checkpoint:
    """Read the snapshot `folder`, whose files are links into the blobs of its repository."""
    layout, config = layout_of(folder)
    weights = check_files(folder, folder.parent.parent, weight_names(folder, layout, names))
    return Checkpoint(folder, repository.name, f"hf:{repository.name}@{folder.name}", layout, config, weights)


def _download(repository: Repository, commit: str, names: Collection[str]) -> Path:
    try:
        return Path(snapshot_download(repository.name, revision=commit, allow_patterns=list(names), max_workers=WORKERS))
    except (httpx.HTTPError, OSError) as error:
        raise EncoderError(f"{repository}: fetching broke off ({_first_line(error)}); the next try goes on from there") from None


def _refusal(error: HfHubHTTPError) -> str:
    if isinstance(error, GatedRepoError):
        return "its owner grants access to those who ask: accept the terms on its page, then set HF_TOKEN"
    if isinstance(error, RevisionNotFoundError):
        return f"{constants.ENDPOINT} has the repository, but not this revision"
    return f"{constants.ENDPOINT} has no such repository, or it is private: check the name, or set HF_TOKEN"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
