"""Scores by group and by sentence: what the options ask for, and lines of at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bertsent.base.display import shortened, visible
from bertsent.base.errors import UsageError
from bertsent.base.files import require_unused
from bertsent.base.records.core import Prediction
from bertsent.base.records.groups import Extreme, Group, Grouping
from bertsent.base.records.metrics import BatchSummary
from bertsent.base.records.sentences import SentencePrediction
from bertsent.base.settings.grouping import GroupSettings
from bertsent.cli._render import writable

if TYPE_CHECKING:
    from bertsent.data.writers.output import Output

_NAME, _BAR, _WIDTH = 19, 10, 80  # columns: of a name, of a bar that stands for 100 %, of a line
_SETTINGS = GroupSettings()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options ask for beside the scores of the rows."""

    by: tuple[str, ...]
    grouping: GroupSettings | None  # None: no groups and no page
    report: Path | None
    groups: Output | None  # where the groups go


def wanted(
    by: Sequence[str] | None, *, day_first: bool, groups_output: Path | None, report: Path | None, force: bool
) -> Wanted:
    """Checks the options about groups and pages before any work begins.

    Raises:
        UsageError: if one needs `--by` and there is none, or a file cannot be written or exists.
        StorageError: if the folder of the page cannot be written.
    """
    by = tuple(by or ())
    for option, given in (("--day-first", day_first), ("--groups-output", groups_output is not None)):
        if given and not by:
            raise UsageError(f"{option} is about groups.", received="no --by", hint="add --by COLUMN")
    if report is not None:
        from bertsent.reports.page import check_target

        check_target(report, force=force)
    target = None
    if groups_output is not None:
        from bertsent.data.writers.output import Output

        target = Output.to(groups_output)
        require_unused(target.path, force=force)
    settings = replace(_SETTINGS, day_first=day_first) if by or report is not None else None
    return Wanted(by, settings, report, target)


def group_lines(
    summary: BatchSummary, asked: Wanted, *, source: str, command: str, raw_csv: bool
) -> list[str]:
    """Writes the page and the file of groups, and returns the lines that show the groups."""
    overview, lines = summary.overview, list[str]()
    if overview is None:
        return lines
    for grouping in overview.groupings:
        lines += grouping_lines(grouping, written=asked.groups is not None)
    if asked.groups is not None:
        from bertsent.data.writers.groups_file import write_groups

        number = write_groups(overview, asked.groups, raw_csv=raw_csv)
        lines += ["", f"Groups: {visible(str(asked.groups.path))} ({number} rows)"]
    if asked.report is not None:
        from bertsent.reports import groups_page

        groups_page.write(overview, summary, asked.report, source=source, command=command)
        lines += ["", f"Report: {visible(str(asked.report))}"]
    return lines


def grouping_lines(
    grouping: Grouping, *, written: bool, settings: GroupSettings = _SETTINGS
) -> Iterator[str]:
    """The groups as a table, then what the table leaves out, then the reviews at the ends of each group.

    Args:
        written: Whether all groups are also in a file.
    """
    shown = grouping.shown(settings.listed)
    title = shortened(visible(grouping.by), _NAME)
    yield ""
    yield f"  {title:<{_NAME}}  reviews  positive  95 % interval   unsure"
    for group in shown:
        yield _table_line(group)
    hidden = len(grouping.groups) - len(shown)
    if hidden:
        rows = sum(group.n for group in grouping.groups) - sum(group.n for group in shown)
        which = "latest" if grouping.unit else "largest"
        more = "" if written else "; --groups-output FILE.csv writes all"
        yield f"  the {which}; {hidden} more groups have {rows} reviews{more}"
    if grouping.pooled is not None:
        yield f"  {grouping.pooled.n} reviews of further values are counted together"
    if any(group.few for group in shown):
        yield f"  few: fewer than {settings.few} reviews, so the interval is wide"
    yield from _wrapped(grouping.notes)
    for group in shown:
        if group.n:
            yield from _end_lines(group)


def _table_line(group: Group) -> str:
    head = f"  {_name(group):<{_NAME}}  {group.n:>7}  "
    if not group.n:
        return f"{head}{'-':>8}  {'-':>13}  {'-':>7}"
    low, high = (100 * end for end in group.interval)
    bar = writable("█", "#") * round(_BAR * group.share_positive)
    few = " few" if group.few else ""
    return (
        f"{head}{100 * group.share_positive:>6.1f} %  {f'{low:.1f} to {high:.1f}':>13}  "
        f"{100 * group.share_unsure:>5.1f} %  {bar}{few}"
    ).rstrip()


def _end_lines(group: Group) -> Iterator[str]:
    yield f"\n  {_name(group)}"
    for mark, extremes in (("-", group.most_negative), ("+", group.most_positive)):
        for extreme in extremes:
            yield _extreme_line(mark, extreme)


def _extreme_line(mark: str, extreme: Extreme) -> str:
    return _fitted(f"    {mark} {extreme.score:.4f}  ", extreme.text)


def sentence_line(prediction: Prediction, *, width: int = _WIDTH) -> str:
    """The worst sentence of a review as an indented line; "" if the review is one sentence."""
    if not isinstance(prediction, SentencePrediction) or len(prediction.sentences) < 2:
        return ""
    return _fitted(f"      worst {prediction.worst.score:.4f}  ", prediction.worst.text, width=width)


def _fitted(head: str, text: str, *, width: int = _WIDTH) -> str:
    """A line that begins with `head` and holds as much of a text from outside as fits."""
    return head + shortened(" ".join(visible(text, newlines=True).split()), width - len(head))


def _name(group: Group) -> str:
    return shortened("(no value)" if group.value is None else " ".join(visible(group.value).split()), _NAME)


def _wrapped(notes: Sequence[str]) -> Iterator[str]:
    import textwrap

    for line in notes:
        yield from textwrap.wrap(line, _WIDTH, initial_indent="  ", subsequent_indent="    ")
