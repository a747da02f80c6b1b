"""`bertsent label POOL` on a terminal: keys, pages, what is asked, and how the terminal is left."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, cast

import pytest
from rich.cells import cell_len
from support.pty_terminal import Person, table
from support.word_soup import KITCHEN, soup

from bertsent.base.errors import ExitCode
from bertsent.base.records.core import Review
from bertsent.base.settings.labelling import LabelSettings
from bertsent.base.text import clean
from bertsent.cli.terminal.keys import Terminal
from bertsent.cli.terminal.screen import Screen, wrap
from bertsent.labelling.decisions import Decision, decide
from bertsent.labelling.log import LabelLog
from bertsent.labelling.pool import Pool

WORDS = ["film", "great", "awful", "plot", "actors", "scene", "boring", "lovely", "music", "ending", "slow"]


def texts(count: int, *, words: int = 12) -> list[str]:
    """Texts that are no copies of each other; each begins with its number."""
    drawn = random.Random(5)
    return [f"#{n}# " + " ".join(drawn.choices(WORDS, k=words)) for n in range(count)]


def decisions(workspace: Path) -> list[Decision]:
    return LabelLog(workspace / "labels").decisions()


def first_asked(given: list[str], seed: int) -> str:
    """The text that is on the screen before anything is known of copies."""
    question = Pool(map(Review, given), answered=(), settings=LabelSettings(seed=seed)).next()
    assert question is not None
    return question.text


def number(screen: str) -> str:
    """Which text is on the screen."""
    return re.findall(r"#\d+#", screen)[0]


# keys


def test_label_says_how_it_reads_a_pool_and_what_it_leaves_out(model: Path, workspace: Path) -> None:
    pool = workspace / "pool.csv"
    rows = "".join(f"{text},x\n" for text in texts(5))
    pool.write_text(f"comment,rating\n{rows}one,two,three\n", encoding="utf-8")
    with Person("label", pool, "--on-bad-row", "skip") as person:
        person.see("0 answered, 5 left")
        before, _ = person.raw.split(b"\x1b[?1049h", 1)
        assert b"pool.csv: text from column 'comment'" in before
        person.press("q")
        assert person.end() == 0
        assert "1 left out: could not be read" in str(person.screen)


def test_label_says_what_is_no_version_before_the_screen_is_drawn(model: Path, workspace: Path) -> None:
    (model / "3 (copy)").mkdir()
    (model / "3 (copy)" / "manifest.json").touch()
    with Person("label", table(workspace, texts(3))) as person:
        person.see("0 answered, 3 left")
        before, after = person.raw.split(b"\x1b[?1049h", 1)
        assert b"3 (copy) (its name is no number)" in before
        person.press("p")
        person.see("1 answered")
        person.press("q")
        assert person.end() == 0
        assert b"3 (copy)" not in after


def test_label_records_one_key_an_item(model: Path, workspace: Path) -> None:
    pool = table(workspace, texts(8))
    with Person("label", pool) as person:
        asked = []
        for done, key in enumerate("p1n0sPN"):
            asked.append(number(person.see(f"{done} answered")))
            person.press(key)
        person.see("7 answered")
        person.press("q")
        assert person.end() == 0
        assert "This session: 3 positive, 3 negative, 1 skipped" in str(person.screen)
        assert "Pool: 8 rows" in str(person.screen)
    made = decisions(workspace)
    answers = ["positive", "positive", "negative", "negative", "skip", "positive", "negative"]
    assert [each.label for each in made] == answers
    assert [each.text.split()[0] for each in made] == asked
    assert len(set(asked)) == 7
    assert {each.picked_by for each in made} <= {"random", "uncertain", "diverse"}
    assert made[0].picked_by == "random"
    assert all(each.path.startswith(f"{pool}:") for each in made)


def test_label_asks_in_a_later_sitting_for_what_is_open_only(model: Path, workspace: Path) -> None:
    pool = table(workspace, texts(4))
    with Person("label", pool) as person:
        person.see("0 answered")
        person.press("p", "1 answered")
        person.press("s", "2 answered")
        person.press("q")
        assert person.end() == 0
    with Person("label", pool) as person:
        person.see("0 answered, 2 left")
        person.press("n", "1 answered")
        person.press("n", "Nothing is left")
        person.press("q")
        person.end()
    assert len({each.digest for each in decisions(workspace)}) == 4
    with Person("label", pool) as person:
        assert person.end() == 0, "asks for no key"
        assert "4 left out: answered before" in str(person.screen)
    with Person("label", pool, "--skipped") as person:
        person.see("0 answered, 1 left")
        person.press("p", "Nothing is left")
        person.press("q")
        person.end()
    assert [row.label for row in LabelLog(workspace / "labels").labelled()] == [1, 0, 0, 1]


def test_label_undoes_across_sittings_until_nothing_is_left(model: Path, workspace: Path) -> None:
    pool = table(workspace, texts(5))
    with Person("label", pool) as person:
        first = number(person.see("0 answered"))
        second = number(person.press("p", "1 answered"))
        person.press("s", "2 answered")
        person.press("q")
        person.end()
    with Person("label", pool) as person:
        third = number(person.see("0 answered"))
        person.press("n", "1 answered")
        assert number(person.press("u", "taken back: negative")) == third
        assert number(person.press("u", "taken back: skip")) == second
        assert number(person.press("u", "taken back: positive")) == first
        person.press("u", "nothing to take back")
        assert number(person.press("n", "last: negative")) == second
        assert number(person.press("p", "last: positive")) == third
        person.press("q")
        assert person.end() == 0
    rows = LabelLog(workspace / "labels").labelled()
    assert [(row.text.split()[0], row.label) for row in rows] == [(first, 0), (second, 1)]


def test_label_takes_other_keys(model: Path, workspace: Path) -> None:
    with Person("label", table(workspace, texts(4)), "--keys", "positive=j/right,negative=f/left") as person:
        shown = person.see("0 answered")
        assert "j positive" in shown
        for done, key in enumerate(["p", "j", "\x1b[D", "\x1bOC"]):
            person.press(key)
            person.see(f"{max(done, 0)} answered")
        person.press("\x04")  # Ctrl-D
        assert person.end() == 0
    assert [each.label for each in decisions(workspace)] == ["positive", "negative", "positive"]


@pytest.mark.parametrize("keys", ["positive=q", "positive=j,negative=j", "better=j", "positive=", "skip=F13"])
def test_label_refuses_keys_that_cannot_be(workspace: Path, keys: str) -> None:
    with Person("label", table(workspace, texts(2)), "--keys", keys) as person:
        assert person.end() == 2
        assert "--keys" in str(person.screen)


def test_label_takes_no_paste_for_keys(model: Path, workspace: Path) -> None:
    with Person("label", table(workspace, texts(3))) as person:
        person.see("0 answered")
        person.press("\x1b[200~pnpn snq\x1b[201~")
        person.press("p", "1 answered")
        person.press("q")
        assert person.end() == 0
    assert [each.label for each in decisions(workspace)] == ["positive"]


# what is asked


def test_label_asks_again_unannounced_and_counts_the_agreement(model: Path, workspace: Path) -> None:
    pool = table(workspace, texts(12))
    with Person("label", pool, "--again", 3, "--json", stdout=subprocess.PIPE) as person:
        for done in range(12):
            person.see(f"{done} answered")
            person.press("pn"[done % 2])
        person.see("12 answered")
        person.press("q")
        assert person.process.stdout is not None
        summary = json.loads(person.process.stdout.read())
    again = [each for each in decisions(workspace) if each.again]
    first = {each.digest: each.label for each in decisions(workspace) if not each.again}
    assert len(again) == summary["again"] == summary["self_agreement"]["n"] >= 2
    assert all(each.digest in first for each in again)
    assert summary["self_agreement"]["same"] == sum(each.label == first[each.digest] for each in again)
    assert summary["labels"]["n"] == len(first) == 12 - len(again)


def test_label_mixes_random_with_uncertain_and_diverse(spread: Path, workspace: Path) -> None:
    with Person("label", table(workspace, texts(60)), "--model", spread / "1", "--show-score") as person:
        for done in range(20):
            person.see(f"{done} answered")
            time.sleep(0.1)  # scores come meanwhile
            person.press("p")
        person.see("20 answered")
        person.press("q")
        person.end()
    made = [each for each in decisions(workspace) if not each.again]
    picked = [each.picked_by for each in made]
    assert picked[0] == "random"
    assert picked.count("random") >= len(picked) / 5
    assert {"uncertain", "diverse"} <= set(picked)
    assert all(each.score is not None and each.version == "1" for each in made)


@pytest.mark.slow
def test_label_asks_for_foreign_texts_first(word_soup: Path, workspace: Path) -> None:
    kitchen = [json.loads(row)["text"] for row in KITCHEN.read_text(encoding="utf-8").splitlines()[:30]]
    pool = table(workspace, [*soup(60, seed=6), *kitchen])
    with Person("label", pool, "--model", word_soup / "1", "--order", "foreign") as person:
        foreign: list[str] = []
        for done in range(80):
            person.see(f"{done} answered")
            if not foreign:
                time.sleep(1)  # the ranking comes meanwhile
            if len(foreign) == 5:
                break
            person.press("s", f"{done + 1} answered")
            foreign = [each.text for each in decisions(workspace) if each.picked_by == "foreign"]
        person.press("q")
        assert person.end() == 0
    known = {clean(text) for text in kitchen}
    assert len(foreign) == 5
    assert sum(text in known for text in foreign) >= 4


def test_label_leaves_out_copies_and_rows_of_the_data_set(model: Path, workspace: Path) -> None:
    rows = texts(6, words=20)
    rows += [rows[0], rows[1].upper() + "!!", rows[2] + " indeed"]
    LabelLog(workspace / "labels").append(decide(rows[3] + " truly", "positive"))
    for half, row in (("train", rows[4]), ("test", rows[5])):
        for name in ("pos", "neg"):
            folder = workspace / "data" / "films" / half / name
            folder.mkdir(parents=True)
            (folder / "0.txt").write_text(row if name == "pos" else f"another {half}", encoding="utf-8")
    seed = next(seed for seed in range(99) if first_asked(rows, seed) == rows[0])
    pool = table(workspace, rows)
    with Person("label", pool, "--json", "--seed", seed, stdout=subprocess.PIPE) as person:
        while " 3 left" not in person.press("\x0c", "left"):  # Ctrl-L draws anew
            time.sleep(0.1)
        person.press("q")
        assert person.process.stdout is not None
        found = json.loads(person.process.stdout.read())["pool"]
    assert found == {
        "rows": 9,
        "whole": True,
        "left": 3,
        "left_out": {"repeated": 1, "near_repeated": 2, "near_answered": 1, "in_data": 2},
    }


def test_label_of_a_large_pool_with_a_damaged_row_keeps_the_answers(model: Path, workspace: Path) -> None:
    pool = workspace / "pool.jsonl"
    lines = [json.dumps({"text": text}) for text in texts(600)]
    pool.write_text("\n".join([*lines, '{"text": [1]}']), encoding="utf-8")
    with Person("label", pool) as person:
        assert "0 answered, 256 left and more" in person.see("0 answered")
        person.press("p", "1 answered")
        while " 255 left" in person.press("\x0c", "left"):  # Ctrl-L draws anew; the rest is being read
            time.sleep(0.1)
        person.press("q")
        assert person.end() == ExitCode.DATA
        assert "not all of them read" in str(person.screen)
        assert "pool.jsonl:601" in str(person.screen)
    (decision,) = decisions(workspace)
    assert decision.picked_by == "first"


def test_label_asks_for_nothing_that_was_answered_elsewhere_meanwhile(model: Path, workspace: Path) -> None:
    given = texts(4)
    with Person("label", table(workspace, given)) as person:
        shown = number(person.see("0 answered"))
        for text in given:
            if shown not in text:
                LabelLog(workspace / "labels").append(decide(text, "negative"))
        person.press("p", "Nothing is left", "1 answered, 0 left")
        person.press("q")
        assert person.end() == 0
        assert "3 left out: answered before" in str(person.screen)
    assert len(decisions(workspace)) == 4


# what the screen shows


def test_wrap_cuts_a_long_text_without_spaces_in_time() -> None:
    began = time.process_time()
    lines = wrap(["映é" * 40_000], 80)
    assert time.process_time() - began < 2, "as long as its square takes"
    assert "".join(piece for line in lines for piece, _ in line) == "映é" * 40_000
    assert {cell_len(line[0][0]) for line in lines[:-1]} <= {79, 80}


HEART, JAMO, FLAG = "\u2764\ufe0f", "\u1100\u1161\u11a8", "\U0001f1e9\U0001f1ea"  # two columns each


@pytest.mark.parametrize("word", [HEART, JAMO, FLAG, "映"], ids=ascii)
def test_wrap_counts_the_columns_that_a_terminal_gives_a_word(word: str) -> None:
    lines = wrap([word] * 30, 20)
    assert [len(line) for line in lines] == [7, 7, 7, 7, 2]
    assert [len(piece) for line in wrap([word * 30], 20) for piece, _ in line] == [10 * len(word)] * 3


class Sheet:
    """A terminal of 20 columns on which everything stays."""

    ansi, colours, size = False, False, (20, 10)

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


@pytest.mark.parametrize("sign", [HEART, JAMO, "x"], ids=ascii)
def test_screen_cuts_title_and_notes_to_the_columns_there_are(sign: str) -> None:
    sheet = Sheet()
    screen = Screen(cast(Terminal, sheet))
    screen.draw("good", title=sign * 30, status="on", about=[sign * 30], keys=lambda paged: [], marks=None)
    title, *rest = sheet.text.split("\n")
    assert title.strip().startswith("...")
    assert sign in title
    assert any(sign in line for line in rest)
    assert max(map(cell_len, sheet.text.split("\n"))) <= 20


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (40, 12), (20, 6)])
def test_label_pages_long_reviews_within_the_screen(
    model: Path, workspace: Path, columns: int, lines: int
) -> None:
    long = " ".join(f"w{number}" for number in range(300)) + " " + "x" * 100 + " 映画" * 30
    with Person("label", table(workspace, [long]), columns=columns, lines=lines) as person:
        frames = [person.see("page 1 of")]
        pages = int(re.findall(r"page 1 of (\d+)", frames[0])[0])
        for page in range(2, pages + 1):
            frames.append(person.press(" ", f"page {page} of {pages}"))
        for frame in frames:
            assert frame.count("\n") < lines
            assert max(map(cell_len, frame.split("\n"))) <= columns
        person.press(" b", f"page {pages - 1} of")
        person.press("p", "Nothing is left")
        person.press("q")
        assert person.end() == 0
    shown = " ".join(" ".join(frames).split())
    assert all(f"w{number} " in shown for number in range(300))
    assert shown.count("映画") == 30
    assert shown.count("x") >= 100


def test_label_is_blind_unless_told_and_explains_on_demand(
    spread: Path, model: Path, workspace: Path
) -> None:
    pool = table(workspace, texts(3))
    with Person("label", pool, "--model", spread / "1") as person:
        person.see("0 answered")
        assert "score" not in str(person.screen)
        shown = person.press("e", "score", "to positive:", "to negative:")
        assert any(word in shown.split("to positive:")[1] for word in WORDS)
        person.press("q")
        person.end()
    with Person("label", pool, "--show-score") as person:
        person.see("score 0.", "0 answered")
        person.press("q")
        person.end()


def test_label_shows_hostile_text_visibly(model: Path, workspace: Path) -> None:
    text = "great \x1b]0;owned\x07 \x1b[2J film \u202e evil [bold]x[/y]"
    with Person("label", table(workspace, [text])) as person:
        person.see(r"\x1b]0;owned\x07", r"\x1b[2J", r"\u202e", "[bold]x[/y]")
        person.press("e", "score")
        person.press("p", "Nothing")
        person.press("q")
        assert person.end() == 0
        assert b"\x1b]0" not in person.raw
        assert b"\x1b[2J" not in person.raw


def test_label_follows_the_size_of_the_terminal(model: Path, workspace: Path) -> None:
    with Person("label", table(workspace, texts(2, words=60)), columns=100) as person:
        wide = person.see("0 answered")
        assert max(map(len, wide.split("\n"))) > 60
        person.clear()
        person.resize(50, 20)
        narrow = person.see("0 answered", "quit")
        assert max(map(len, narrow.split("\n"))) <= 50
        person.press("q")
        assert person.end() == 0


def test_label_works_on_a_terminal_without_codes(model: Path, workspace: Path) -> None:
    with Person("label", table(workspace, texts(2)), term="dumb") as person:
        person.see("0 answered")
        person.press("p", "1 answered")
        person.press("q")
        assert person.end() == 0
        assert b"\x1b" not in person.raw
    assert len(decisions(workspace)) == 1


def test_label_goes_on_without_a_model(workspace: Path) -> None:
    (workspace / "model" / "1").mkdir(parents=True)
    (workspace / "model" / "1" / "manifest.json").write_text("damaged", encoding="utf-8")
    with Person("label", table(workspace, texts(3)), "--show-score") as person:
        person.see("no model", "0 answered")
        person.press("p", "1 answered")
        person.press("q")
        assert person.end() == 0
        assert str(person.screen).count("No scores") == 1
    (decision,) = decisions(workspace)
    assert (decision.label, decision.score) == ("positive", None)


# how the terminal is left


def put_back(person: Person) -> None:
    assert person.mode == person.before
    assert b"\x1b[?25h" in person.raw
    assert person.raw.count(b"\x1b[?1049h") == person.raw.count(b"\x1b[?1049l") == 1
    assert person.raw.count(b"\x1b[?2004h") == person.raw.count(b"\x1b[?2004l") == 1


@pytest.mark.parametrize(
    ("way", "status"), [("q", 0), ("\x04", 0), ("\x03", 130), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_label_puts_the_terminal_back(model: Path, workspace: Path, way: Any, status: int) -> None:
    with Person("label", table(workspace, texts(3))) as person:
        person.see("0 answered")
        assert person.mode != person.before
        person.press("p", "1 answered")
        if isinstance(way, str):
            person.press(way)
        else:
            person.process.send_signal(way)
        assert person.end() == status
        put_back(person)
    assert [each.label for each in decisions(workspace)] == ["positive"]


def test_label_puts_the_terminal_back_after_a_damaged_log(model: Path, workspace: Path) -> None:
    with Person("label", table(workspace, texts(3))) as person:
        person.see("0 answered")
        person.press("p", "1 answered")
        log = workspace / "labels" / "log.jsonl"
        log.write_bytes(b"garbage\n" + log.read_bytes())
        person.press("p")
        assert person.end() == 7
        put_back(person)
        assert "is damaged" in str(person.screen)


def test_label_killed_between_two_questions_keeps_every_answer(model: Path, workspace: Path) -> None:
    pool = table(workspace, texts(60))
    for round_ in range(3):
        with Person("label", pool) as person:
            person.see("0 answered")
            person.press("pn" * 5)
            time.sleep(0.1 * round_)
            os.kill(person.process.pid, signal.SIGKILL)
            person.end()
            shown = re.findall(r"(\d+) answered", person.raw.decode(errors="replace"))
            kept = len(decisions(workspace))
            assert kept >= int(shown[-1])
        with Person("label", pool) as person:  # goes on, and takes all of it back again
            person.see("0 answered", f"{60 - kept} left")
            for _ in range(kept):
                person.press("u")
            person.press("u", "nothing to take back")
            person.press("q")
            assert person.end() == 0
        assert LabelLog(workspace / "labels").labelled() == []
        (workspace / "labels" / "log.jsonl").unlink(missing_ok=True)
