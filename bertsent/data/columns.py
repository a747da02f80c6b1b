"""Which column of a table is the text and which the label."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertsent.base.display import listed, shortened, visible
from bertsent.base.errors import DataError, UsageError
from bertsent.base.records.reading import MISSING
from bertsent.base.settings.reading import ReadSettings

# Names without case, blanks and signs, the surest first: `text` beside `review` is the text.
TEXT_NAMES = (
    {"text"},
    {
        "review", "reviews", "reviewtext", "reviewbody", "reviewcontent", "sentence", "content", "contents",
        "comment", "comments", "commenttext", "body", "message", "tweet", "tweettext", "document", "feedback",
        "phrase", "textreview", "reviewcomment", "reviewcomments", "fulltext", "description",
    },
)  # fmt: skip
LABEL_NAMES = (
    {"label"},
    {
        "labels", "sentiment", "sentiments", "polarity", "class", "target", "gold", "liked", "sentimentlabel",
        "airlinesentiment", "opinion", "sentimenttype",
    },
    {"stars", "star", "rating", "ratings", "starrating", "overall", "score", "reviewrating", "reviewscore",
     "reviewerscore", "reviewstars",
     "recommendedind", "recommended", "isrecommended", "votedup"},
)  # fmt: skip
_RATINGS = LABEL_NAMES[2] - {
    "recommendedind",
    "recommended",
    "isrecommended",
    "votedup",
}  # of which 1 is the worst, not the positive one of two
_LISTED = 20  # columns that a message lists
_QUOTED = 60  # characters of a name that a message quotes

Cells = Sequence[Any] | Mapping[str, Any]
Getter = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns of a table that hold text and label."""

    text: str
    label: str | None
    note: str = ""  # which were taken by their names, for the user
    label_hint: str = ""  # how to name the label column, if none was taken


def plain(name: str) -> str:
    """A name without case, blanks and signs."""
    return re.sub(r"[\W_]+", "", name).lower()


def is_text_name(name: str) -> bool:
    """Whether a column of this name may be the text."""
    return any(_last(name) in names for names in TEXT_NAMES)


def is_rating_name(name: str) -> bool:
    """Whether a column of this name holds a rating, such as stars."""
    return _last(name) in _RATINGS


def _last(name: str) -> str:
    """The plain name, or that of the last step of a dotted one, such as `reviews.text`."""
    return plain(name.rpartition(".")[2])


def choose(names: Sequence[str], settings: ReadSettings, *, where: str, dotted: bool = False) -> Choice:
    """Chooses the columns of text and label: as the settings say, else the obvious ones by their names.

    Args:
        names: Of the columns; with `dotted` also the paths of values inside values, such as `data.text`.
        settings: May name the columns.
        where: The table, for messages.
        dotted: Whether a path that is not among `names` may be taken, because other rows may have it.

    Raises:
        DataError: if no text column is obvious, or several are; the message lists the columns.
        UsageError: if the settings name a column that is not there.
    """
    text = _named(names, settings.text, "--text", where, settings, dotted=dotted)
    label = _named(names, settings.label, "--label", where, settings, dotted=dotted)
    noted = []
    if text is None:
        text = _obvious_text(names, where, settings)
        if text.lower() != "text":
            noted.append(f"text from column {visible(text)!r}")
    hint = ""
    if label is None:
        label, hint = _obvious_label([name for name in names if name != text])
        if label is not None and label.lower() != "label":
            noted.append(f"label from column {visible(label)!r}")
    return Choice(text, label, ", ".join(noted), hint)


def refuse_numbers(choice: Choice, names: Sequence[str], settings: ReadSettings, *, where: str) -> None:
    """Refuses a text column of numbers that only its name made the text, such as `feedback` of 0 and 1.

    Raises:
        DataError: if it was not named by the settings and has a name that other columns have too.
    """
    if settings.text or choice.text.lower() == "text" or len(names) < 2:
        return
    raise DataError(
        f"{where} has only numbers in the column {visible(choice.text)!r}, so it is hardly the text.",
        received=f"columns {list_names(names)}",
        hint=f"--text COLUMN names the text; --text {_quoted(choice.text)} if it is",
    )


def getter(name: str, names: Sequence[str]) -> Getter:
    """A function that takes the value of a column out of a row with these columns."""
    index = list(names).index(name)
    return lambda cells: cells[index]


def path_getter(path: str, *, exact: bool) -> Getter:
    """A function that follows a dotted path, such as `data.text` or `results.0.choice`, into an object."""
    if exact or "." not in path:
        return lambda row: row.get(path, MISSING)
    steps = path.split(".")

    def follow(row: Any) -> Any:
        value = row
        for step in steps:
            if isinstance(value, dict):
                value = value.get(step, MISSING)
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return MISSING
        return value

    return follow


def list_names(names: Sequence[str]) -> str:
    """The names of columns, for a message."""
    return listed([shortened(name, _QUOTED) for name in names], _LISTED)


def _named(
    names: Sequence[str], wanted: str, option: str, where: str, settings: ReadSettings, *, dotted: bool
) -> str | None:
    """The column that an option names; None if it names none."""
    if not wanted:
        return None
    if not settings.header:
        if wanted.isdigit() and 1 <= int(wanted) <= len(names):
            return names[int(wanted) - 1]
        if wanted not in names:
            raise UsageError(
                f"With --no-header, {option} is a number from 1 to {len(names)}.", received=visible(wanted)
            )
    alike = [name for name in names if plain(name) == plain(wanted)]
    for match in (name for name in names if name == wanted):
        return match
    if len(alike) == 1:
        return alike[0]
    if dotted and "." in wanted:
        return wanted
    near = difflib.get_close_matches(wanted, names, n=1)
    raise UsageError(
        f"{where} has no column {visible(wanted)!r}.",
        received=f"columns {list_names(names)}",
        hint=f"{option} {visible(near[0])!r}" if near else f"{option} names one of them",
    )


def _obvious_text(names: Sequence[str], where: str, settings: ReadSettings) -> str:
    for likely in TEXT_NAMES:
        candidates = [name for name in names if _last(name) in likely]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise DataError(
                f"{where} has more than one column that may be the text.",
                received=f"columns {list_names(names)}",
                hint=f"--text {_quoted(candidates[0])}, for example",
            )
    hint = "--text COLUMN names it"
    if settings.header:
        hint += "; --no-header if the first row is a review already"
    else:
        hint = "--text NUMBER, and --label NUMBER for a label"
    raise DataError(
        f"{where} has no column that is obviously the text.",
        received=f"columns {list_names(names)}" if names else "no columns",
        hint=hint,
    )


def _obvious_label(names: Sequence[str]) -> tuple[str | None, str]:
    for likely in LABEL_NAMES:
        candidates = [name for name in names if _last(name) in likely]
        if len(candidates) == 1:
            return candidates[0], ""
        if candidates:
            several = f"columns {list_names(candidates)} may each be the label: --label COLUMN names it"
            return None, several
    return None, f"--label COLUMN names the label; columns {list_names(names)}" if names else ""


def _quoted(name: str) -> str:
    name = visible(name)
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"
