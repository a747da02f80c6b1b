"""Defaults of what `batch` makes of the scores: groups, and files that are scored as they come."""

from __future__ import annotations

from dataclasses import dataclass

from bertsent.base.settings.checks import require


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """How scores are summarised by group."""

    extremes: int = 3  # reviews shown at each end of a group: what one reads at a glance
    of_all: int = 10  # the same for the whole input, on a page
    few: int = (
        30  # reviews; in a smaller group the 95 % interval is up to 17 points wide on each side, or more
    )
    listed: int = 20  # groups that are printed and drawn: what fits a screen
    # Groups of one column that are told apart. With three reviews of 600 characters at each end they take
    # 100 MB; the reviews of all further values are counted together.
    most: int = 20_000
    excerpt: int = 600  # characters of a review that are held for the lists
    bands: int = 20  # of the histogram of scores
    probe: int = 1000  # rows looked at before scoring, to refuse a column without dates before hours of work
    day_first: bool = False  # whether 03/04/2021 is the third of April; False: the column tells, else March

    def __post_init__(self) -> None:
        sizes = self.extremes, self.listed, self.most, self.bands, self.probe, self.excerpt
        require(min(sizes) >= 1, "the numbers of groups and of reviews must be at least 1.", sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """How a folder is watched for new files."""

    shortest: float = 1.0  # seconds between two looks; listing a folder more often only costs power
    longest: float = 24 * 3600.0  # seconds; a longer wait is a job for cron
    # What programs call a file that they have not finished: browsers, wget and curl, FileZilla, rclone.
    unfinished: tuple[str, ...] = (".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp", "~")
