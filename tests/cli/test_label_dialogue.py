"""`bertsent label` on a terminal without a pool: reviews typed and pasted."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from support.pty_terminal import Person

from bertsent.base.errors import Interrupted
from bertsent.base.records.core import Review
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.text import clean
from bertsent.cli.terminal.keys import Terminal
from bertsent.cli.terminal.session import KEYS, Recorder
from bertsent.cli.terminal.typing import Dialogue, read_review
from bertsent.cli.terminal.walk import Walk
from bertsent.labelling.decisions import decide
from bertsent.labelling.log import LabelLog
from bertsent.labelling.pool import Pool
from bertsent.labelling.shared_scorer import SharedScorer
from bertsent.scoring.scorer import Scorer

ASK, CHOOSE = "Ctrl-D: no more", "quit:"


def labels(workspace: Path) -> list[tuple[str, int]]:
    return [(row.text, row.label) for row in LabelLog(workspace / "labels").labelled()]


def give(person: Person, keys: str) -> str:
    """Types a review after the prompt and waits for the question."""
    person.see(ASK)
    person.clear()
    return person.press(keys, CHOOSE)


def answer(person: Person, key: str) -> str:
    person.clear()
    return person.press(key, ASK)


def test_label_asks_for_reviews_and_shows_their_scores(model: Path, workspace: Path) -> None:
    with Person("label") as person:
        shown = give(person, "A great film.\rWith two lines.\r\r")
        assert "0." in shown.split("two lines.")[1]
        answer(person, "p")
        give(person, "An awful one.\r\r")
        answer(person, "0")
        give(person, "No answer to this.\r\r")
        answer(person, "\r")
        person.press("\x04")
        assert person.end() == 0
        assert "1 positive, 1 negative" in str(person.screen)
    assert labels(workspace) == [("A great film. With two lines.", 1), ("An awful one.", 0)]
    for row in LabelLog(workspace / "labels").labelled():
        assert row.picked_by == "typed"
        assert row.version == "1"
        assert row.score is not None


def test_label_blind_shows_no_score_before_the_answer(model: Path, workspace: Path) -> None:
    with Person("label", "--blind") as person:
        assert "0." not in give(person, "A great film.\r\r")
        answer(person, "n")
        person.press("\x04")
        person.end()
    assert labels(workspace) == [("A great film.", 0)]


def test_label_reads_pastes_with_empty_lines_whole(model: Path, workspace: Path) -> None:
    with Person("label") as person:
        give(person, "\x1b[200~One.\r\r  Two pn.\n\nThree\x1b[201~\r\r")  # as marked by the terminal
        answer(person, "p")
        give(person, "Four.\r\rFive pn.\r\r")  # unmarked, but too fast for fingers
        answer(person, "n")
        person.press("\x04")
        person.end()
    assert labels(workspace) == [("One. Two pn. Three", 1), ("Four. Five pn.", 0)]


def test_label_keeps_the_characters_that_part_and_join_others(model: Path, workspace: Path) -> None:
    with Person("label") as person:
        give(person, "great\u00a0film\u3000for\u2028the \U0001f468\u200d\U0001f467\r\r")
        answer(person, "p")
        person.press("\x04")
        person.end()
    assert labels(workspace) == [("great film for the \U0001f468\u200d\U0001f467", 1)]


class Keys:
    """A terminal on which these keys are pressed, and nothing is seen."""

    ansi = colours = True
    size = 80, 24

    def __init__(self, *keys: str, pasted: str = "") -> None:
        self._keys: Iterator[str] = iter(keys)
        self.pasted = pasted

    def key(self) -> str:
        return next(self._keys, "eof")

    def pending(self) -> bool:
        return False

    def write(self, text: str) -> None:
        pass


def test_label_takes_a_long_paste_without_waiting() -> None:
    text = "naïve “film” " * 1500
    began = time.process_time()
    assert read_review(cast(Terminal, Keys("paste", "enter", "enter", pasted=text))) == text + "\n"
    assert time.process_time() - began < 2, "as long as its square takes"


def terminated() -> Scorer:
    raise Interrupted("Terminated.", terminated=True)


@pytest.mark.parametrize("key", ["p", "e"])
def test_label_ends_when_it_is_told_while_the_model_works(workspace: Path, key: str) -> None:
    settings, recorder = LabelSettings(), Recorder(LabelLog(workspace / "labels"))
    bound = {key: action for action, keys in KEYS.items() for key in keys}
    model = SharedScorer(terminated, settings)
    typing = Dialogue(
        cast(Terminal, Keys("a", "enter", "enter", key)),
        keys=bound,
        recorder=recorder,
        model=model,
        show_score=True,
    )
    walk = Walk(
        cast(Terminal, Keys(key)),
        keys=bound,
        recorder=recorder,
        pool=Pool([Review("a film")], answered=(), settings=settings),
        model=model,
        show_score=key == "p",
        settings=settings,
        title="",
    )
    for each in (typing, walk):
        with pytest.raises(Interrupted):
            each.run()
    assert labels(workspace) == []


def test_label_reads_a_line_longer_than_a_terminal_hands_over(model: Path, workspace: Path) -> None:
    text = " ".join(f"word{number}" for number in range(1500))
    with Person("label") as person:
        person.see(ASK)
        person.clear()
        for start in range(0, len(text), 500):
            person.press(text[start : start + 500], text[start : start + 500].split()[-1][:-1])
        person.press("\r\r", CHOOSE)
        answer(person, "p")
        person.press("\x04")
        person.end()
    assert labels(workspace) == [(text, 1)]


def test_label_rubs_out_across_a_broken_line(model: Path, workspace: Path) -> None:
    with Person("label", columns=20) as person:
        person.see(ASK)
        person.clear()
        person.press("0123456789 123456789 12", "9 12")
        shown = person.press("\x7f" * 8 + "é映x\x7fy", "映y")
        assert shown.strip() == "0123456789 1234é映y"
        person.press("\r\r", CHOOSE)
        answer(person, "p")
        person.press("\x04")
        person.end()
    assert labels(workspace) == [("0123456789 1234é映y", 1)]


@pytest.mark.parametrize(
    "sign", ["\u2764\ufe0f", "e\u0301", "\u1100\u1161", "\U0001f44d\U0001f3fd"], ids=ascii
)
def test_label_rubs_out_what_a_person_sees_as_one_sign(model: Path, workspace: Path, sign: str) -> None:
    with Person("label") as person:
        person.see(ASK)
        person.clear()
        person.press(f"great {sign}{sign}x", "x")
        shown = person.press("\x7f\x7fy", "y")
        assert shown.strip() == f"great {sign}y"
        person.press("\r\r", CHOOSE)
        answer(person, "p")
        person.press("\x04")
        person.end()
    assert labels(workspace) == [(clean(f"great {sign}y"), 1)]


def test_label_explains_undoes_and_knows_what_was_labelled_before(model: Path, workspace: Path) -> None:
    LabelLog(workspace / "labels").append(decide("A great film.", "negative"))
    with Person("label") as person:
        assert "Labelled before: negative" in give(person, "A great film.\r\r")
        person.clear()
        person.press("e", "to positive:", CHOOSE)
        person.clear()
        assert "A great film." in person.press("u", "Taken back: negative", CHOOSE)
        person.clear()
        person.press("u", "Nothing to take back", CHOOSE)
        answer(person, "p")
        person.press("\x04")
        person.end()
    assert labels(workspace) == [("A great film.", 1)]


def test_label_says_that_there_is_nothing_to_read(model: Path, workspace: Path) -> None:
    with Person("label") as person:
        person.see(ASK)
        person.press("\r\r  \r<br />\r\r", "has no text")
        person.press("\x04")
        assert person.end() == 0
    assert labels(workspace) == []


@pytest.mark.parametrize(("way", "status"), [("\x03", 130), ("\x04", 0)])
def test_label_puts_the_terminal_back_after_a_dialogue(
    model: Path, workspace: Path, way: str, status: int
) -> None:
    with Person("label") as person:
        person.see(ASK)
        person.press("half a rev", "rev") if status else None
        person.press(way)
        assert person.end() == status
        assert person.mode == person.before
        assert b"\x1b[?1049" not in person.raw


def test_label_ended_by_a_signal_puts_the_terminal_back(model: Path, workspace: Path) -> None:
    with Person("label") as person:
        give(person, "A great film.\r\r")
        person.process.send_signal(signal.SIGTERM)
        assert person.end() == 143
        assert person.mode == person.before
