"""Defaults of downloads, the known archives, and the folder that caches encoders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bertsent.base.settings.checks import require
from bertsent.base.settings.workspace import Workspace

CACHE = "BERTSENT_CACHE"


def cache_folder() -> Path:
    """The cache for encoders: `BERTSENT_CACHE`, else the user's cache folder, else one in the workspace.

    The last is for a user without a home, as of `docker run --user 12345`, and for one whose home cannot be
    written and has no cache. It is never /tmp, where cleaners remove some files of an encoder and leave
    others (tensorflow/hub issues 602 and 896).
    """
    named = os.environ.get(CACHE)
    if named:
        return Path(named)
    import platformdirs

    try:
        folder = Path(platformdirs.user_cache_dir("bertsent"))
    except RuntimeError:  # no HOME, and no entry in the list of users
        folder = None
    if folder is None or not (folder.is_dir() or _may_be_made(folder)):
        return Workspace.current().state / "cache"
    return folder


def may_be_in_cache(path: Path) -> bool:
    """Whether a path lies in the cache, so that another place for it is named by `BERTSENT_CACHE`."""
    return path.is_relative_to(cache_folder())


def _may_be_made(folder: Path) -> bool:
    while not os.path.lexists(folder):
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


DataSet = Literal["imdb", "sst2"]
ACL_IMDB = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"  # the authors' page
GLUE_SST2 = "https://dl.fbaipublicfiles.com/glue/data/SST-2.zip"  # as GLUE's own download script has it
ADDRESSES: dict[DataSet, str] = {"imdb": ACL_IMDB, "sst2": GLUE_SST2}
KNOWN_SHA256 = {
    # TensorFlow Datasets has the same digest: tensorflow_datasets/datasets/imdb_reviews/checksums.tsv
    ACL_IMDB: "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
    # Hugging Face's `glue` had the same in its dataset_infos.json, and DataDeps of Julia has it
    GLUE_SST2: "d67e16fb55739c1b32cdce9877596db1c127dc322d93c082281f64057c16deaa",
}
# The folder an archive unpacks to, so that a run can check before the download whether its name is taken.
KNOWN_FOLDER = {ACL_IMDB: "aclImdb", GLUE_SST2: "sst2"}
# The files of an archive that make the data set, and their names in it; a data set not named here keeps all.
# GLUE publishes SST-2's own test sentences without labels, so its dev part is the test part here.
PARTS: dict[str, dict[str, str]] = {GLUE_SST2: {"train.tsv": "train.tsv", "dev.tsv": "test.tsv"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadSettings:
    """How archives are fetched and unpacked."""

    url: str = ACL_IMDB
    dataset: DataSet | None = None  # which of these the archive is; None: told by the address, if by anything
    connect_timeout: float = 10.0  # seconds; a host that takes longer to answer is down
    read_timeout: float = 60.0  # seconds without a byte; the Stanford server pauses for up to half a minute
    attempts: int = 5  # with the back-off below, about 30 s in all
    backoff: float = 2.0  # seconds before the second attempt, doubled each time
    max_backoff: float = 60.0  # seconds; also the longest Retry-After that is obeyed
    max_members: int = 500_000  # aclImdb has 100,000 files; five million would fill the inodes
    max_bytes: int = 10 * 1024**3  # unpacked; aclImdb has 0.5 GB
    max_ratio: int = 200  # unpacked : packed; text reaches 10, a bomb 1,000
    max_member_bytes: int = 512 * 1024**2  # a file that is no table; the largest of aclImdb has 40 MB
    ratio_from: int = 16 * 1024**2  # bytes unpacked; with fewer, a small tar's empty blocks look like a bomb
    space_factor: int = 8  # on the disk : packed; aclImdb takes 7 times its archive in 4 KiB blocks
    headway: int = 1024**2  # bytes; an attempt that fetches this many resets the count of attempts
    keep_partial: float = 7 * 86_400.0  # seconds; older partial downloads are removed

    def __post_init__(self) -> None:
        require(self.attempts >= 1, "attempts must be at least 1.", self.attempts)
