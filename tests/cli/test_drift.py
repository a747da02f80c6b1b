"""`bertsent drift`: from labels to a verdict, a line, an exit code, and what the next run makes of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import drift_faults, fake_versions
from support import retrain_world as world
from support.command import call, start
from support.listener import Listener
from typer.testing import Result

import bertsent
from bertsent.base.errors import Interrupted
from bertsent.base.files import lock
from bertsent.base.settings.drift import DriftSettings
from bertsent.base.settings.workspace import Workspace
from bertsent.drift.history import DriftHistory, Outcome
from bertsent.labelling.log import LabelLog
from bertsent.retraining.ledger import Ledger
from bertsent.retraining.monitor import DriftRun
from bertsent.versions.manifest import WEIGHTS

Run = Callable[..., Result]
PACKAGE = Path(bertsent.__file__).parent
KEYS = {
    "verdict",
    "headline",
    "threshold",
    "measures",
    "minimum_detectable_effect",
    "new_rows",
    "looks",
    "action",
}


@pytest.fixture
def home(champion: Path, workspace: Path) -> Path:
    """A workspace whose version 1 knows films."""
    shutil.copytree(champion / "model", workspace / "model")
    return workspace


def last_line(result: Result) -> str:
    (line,) = result.stdout.splitlines()
    return line


def answer(result: Result) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(last_line(result))
    return value


def history(home: Path) -> DriftHistory:
    return DriftHistory(Workspace(home))


def outcomes(home: Path) -> list[str]:
    return [event.outcome for event in history(home).events if isinstance(event, Outcome)]


# too few, or nothing


def test_drift_without_a_label_says_so_and_is_done(run: Run, home: Path) -> None:
    result = run("drift")
    assert result.exit_code == 0, result.stderr
    assert last_line(result).startswith("NOTHING NEW")
    assert not (home / "reports").exists()


def test_drift_of_too_few_labels_cannot_tell_and_takes_no_look(run: Run, home: Path) -> None:
    world.label(home, world.known(29, wrong=True))
    for _ in range(2):
        result = run("drift")
        assert result.exit_code == 4
        assert last_line(result).startswith("CANNOT TELL: 29 new labels")
        assert "next check at 30 new labels" in last_line(result)
    found = answer(run("drift", "--json"))
    assert (found["verdict"], found["new_rows"], found["needed"], found["looks"]) == (
        "cannot_tell",
        29,
        30,
        0,
    )
    assert history(home).events == []


def test_drift_judges_no_label_twice(run: Run, home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    assert run("drift", "--no-retrain").exit_code == 3
    result = run("drift", "--no-retrain")
    assert result.exit_code == 3
    assert "NOTHING NEW: no label since the check of 20" in last_line(result)
    assert len(history(home).looks()) == 1


def test_drift_does_not_judge_a_changed_mind_anew(run: Run, home: Path) -> None:
    rows = world.known(40, wrong=True)
    world.label(home, rows)
    run("drift", "--no-retrain")
    world.label(home, [(text, 1 - label) for text, label in rows])
    assert "NOTHING NEW" in last_line(run("drift", "--no-retrain"))


# the verdict


def test_drift_in_one_line_says_verdict_headline_threshold_what_fired_and_what_it_did(
    run: Run, home: Path
) -> None:
    world.label(home, world.known(40, wrong=True))
    result = run("drift", "--no-retrain", "--threshold", "0.2")
    assert result.exit_code == 3
    line = last_line(result)
    assert re.match(r"DRIFT: headline (\d\.\d{3}) \(error\), threshold 0\.2, fired: error \1[,;]", line)
    assert "40 new labels, check 1 of version 1" in line
    assert "--no-retrain" in line


def test_drift_of_like_reviews_is_stable(run: Run, home: Path) -> None:
    world.label(home, world.known(120))
    result = run("drift", "--threshold", "0.9")
    assert result.exit_code == 0, result.stderr
    assert last_line(result).startswith("STABLE")
    assert [look.verdict for look in history(home).looks()] == ["stable"]
    assert history(home).unfinished() is None


def test_drift_that_cannot_tell_waits_until_the_batch_has_grown(run: Run, home: Path) -> None:
    rows = world.known(64)
    world.label(home, rows[:32])
    result = run("drift")
    assert result.exit_code == 4
    assert "next check at 64 new labels" in last_line(result)
    assert last_line(run("drift")).startswith("NOTHING NEW")
    world.label(home, rows[32:63])
    result = run("drift")
    assert result.exit_code == 4
    assert last_line(result).startswith("CANNOT TELL: 63 new labels")
    assert len(history(home).looks()) == 1
    world.label(home, rows[63:])
    run("drift")
    assert [(look.look, len(look.rows)) for look in history(home).looks()] == [(1, 32), (2, 64)]


def test_new_reviews_with_one_label_are_drift(run: Run, home: Path) -> None:
    world.label(home, [row for row in world.known(80) if not row[1]])
    result = run("drift", "--no-retrain")
    assert result.exit_code == 3, last_line(result)
    assert "label share 0." in last_line(result)


def test_drift_json_has_the_documented_keys(run: Run, home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    found = answer(run("drift", "--no-retrain", "--json"))
    assert found.keys() >= KEYS
    assert (found["verdict"], found["action"], found["looks"]) == ("drift", "reported", 1)
    assert (found["new_rows"], found["threshold"], found["version"]) == (40, 0.1, "1")
    assert list(found["measures"]) == ["text", "error", "label_share"]
    assert found["measures"]["error"].keys() >= {"value", "low", "high", "p_value", "n"}
    assert found["measures"]["text"]["value"] is None
    quiet = answer(run("drift", "--no-retrain", "--json"))
    assert quiet.keys() >= KEYS
    assert (quiet["verdict"], quiet["action"], quiet["new_rows"]) == (None, "none", 0)


def test_drift_on_a_terminal_shows_more_than_the_line(home: Path) -> None:
    import pty

    world.label(home, world.known(40, wrong=True))
    reader, writer = pty.openpty()
    ended = call("drift", "--no-retrain", "--quiet", stdout=writer)
    os.close(writer)
    assert ended.returncode == 3, ended.stderr.decode()
    shown = os.read(reader, 100_000).decode()
    os.close(reader)
    words = [line.split() for line in shown.splitlines()]
    (look,) = history(home).looks()
    value = f"{look.report['measures']['error']['value']:.3f}"
    assert any(line[:2] == ["error", value] for line in words)
    assert any(line[:2] == ["label", "share"] for line in words)
    assert any(line[:2] == ["text", "-"] for line in words)
    assert all(len(line) <= 80 for line in shown.splitlines()[2:])


def test_drift_at_another_version_reports_and_counts_for_nothing(run: Run, home: Path) -> None:
    shutil.copytree(home / "model" / "1", home / "old" / "1")
    world.label(home, world.known(40, wrong=True))
    result = run("drift", "--model", home / "old" / "1")
    assert result.exit_code == 3
    assert "not the current one" in last_line(result)
    assert history(home).events == []


def test_drift_reads_labels_from_another_folder(run: Run, home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    (home / "labels").rename(home / "answers")
    assert run("drift", "--no-retrain", "--labels", "answers").exit_code == 3
    assert run("drift", "--labels", "nowhere").exit_code == 2
    assert (home / "answers" / "drift.jsonl").is_file()
    assert not (home / "labels").exists()


# refusals


@pytest.mark.parametrize("threshold", ["-1", "0", "1", "1.5", "nan", "inf", "0,1", "much"])
def test_drift_refuses_a_threshold_that_cannot_be(run: Run, home: Path, threshold: str) -> None:
    result = run("drift", "--threshold", threshold)
    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.mark.parametrize("watch", ["", "0s", "1", "h", "-1h", "1w", "0.5s", "1e9d", "999999999d"])
def test_drift_refuses_a_time_that_cannot_be(run: Run, home: Path, watch: str) -> None:
    result = run("drift", "--watch", watch)
    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.mark.parametrize("wrong", [("--report", "page.pdf"), ("--model", "9")])
def test_drift_watch_ends_at_once_where_an_option_is_wrong(
    run: Run, home: Path, wrong: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it waits"))
    result = run("drift", "--watch", "1h", *wrong)
    assert result.exit_code == 2
    assert "No longer watching" not in result.stderr


def test_drift_is_kept_out_by_another_run_at_once(run: Run, home: Path) -> None:
    with lock(home / ".bertsent" / "drift.lock", "drift"):
        result = run("drift")
    assert result.exit_code == 75
    assert str(os.getpid()) in result.stderr
    assert result.stdout == ""


def test_drift_of_a_damaged_log_names_the_line(run: Run, home: Path) -> None:
    world.label(home, world.known(3))
    log = home / "labels" / "log.jsonl"
    log.write_text(log.read_text(encoding="utf-8").replace("wonderful", "w", 1), encoding="utf-8")
    result = run("drift")
    assert result.exit_code == 7
    assert "log.jsonl:2" in result.stderr


def test_drift_without_a_reference_says_that_the_version_lacks_it(run: Run, home: Path) -> None:
    world.label(home, world.known(40))
    (home / "model" / "1" / "reference.npz").write_bytes(b"no")
    result = run("drift")
    assert result.exit_code == 6
    assert "reference.npz" in result.stderr
    assert history(home).events == []


# the retraining that cannot begin


def test_drift_on_a_data_set_of_60_test_reviews_retrains(run: Run, home: Path, sample: Path) -> None:
    class AtTraining(Listener):
        def tell(self, message: str) -> None:
            if message.startswith("Training on"):
                raise Interrupted("At training.")

    world.label(home, world.known(40, wrong=True))
    allowed = DriftRun(
        workspace=Workspace(home),
        settings=DriftSettings(),
        data=sample,
        asks=lambda swapped: swapped.opposite == 40,
        progress=AtTraining(),
    )
    with pytest.raises(Interrupted, match="At training"):
        allowed.go()
    assert run("drift", "--margin", "2").exit_code == 2


def test_drift_without_a_data_set_is_open_until_there_is_one(run: Run, home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    earlier = {"event": "published", "version": 9, "seconds": 480.0, "keys": ["k"] * 40}
    Ledger(home / "reports").append(earlier)
    first = run("drift", "--yes")
    assert first.exit_code == 3
    assert "Training a candidate takes about 8 min; Ctrl-C stops it, the next run goes on" in first.stderr
    assert "not handled yet" in last_line(first)
    assert "bertsent download" in last_line(first)
    second = run("drift", "--yes", "--json")
    assert second.exit_code == 3
    assert (answer(second)["action"], answer(second)["continued"]) == ("open", True)
    assert (len(history(home).looks()), outcomes(home)) == (1, [])


def test_drift_without_tensorflow_says_how_to_get_it(home: Path, tmp_path: Path) -> None:
    poison = tmp_path / "poison" / "tensorflow"
    poison.mkdir(parents=True)
    (poison / "__init__.py").write_text("raise ImportError('no tensorflow here')\n")
    world.label(home, world.known(60, wrong=True))
    world.data_set(home / "data" / "films")
    environment = {**os.environ, "PYTHONPATH": f"{poison.parent}:{PACKAGE.parent}"}
    ended = call("drift", "--quiet", "--yes", env=environment)
    assert ended.returncode == 3, ended.stderr.decode()
    assert b"pip install 'bertsent[train]'" in ended.stdout
    assert outcomes(home) == []


# a history that was damaged or lost


def test_drift_with_a_damaged_history_only_reports_and_leaves_retraining_to_later_labels(
    run: Run, home: Path
) -> None:
    rows = world.known(80, wrong=True)
    world.label(home, rows[:40])
    run("drift", "--no-retrain")
    path = home / "labels" / "drift.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("drift", "drifty", 1), encoding="utf-8")
    result = run("drift")
    assert result.exit_code == 3
    assert "missing or damaged" in result.stderr
    assert "only reported" in last_line(result)
    result = run("drift")
    assert result.exit_code == 3
    assert re.match("DRIFT of 20.* is open .reported only.*NOTHING NEW", last_line(result))
    assert result.stderr == ""
    assert outcomes(home) == ["report_only"]
    world.label(home, rows[40:])
    assert answer(run("drift", "--json"))["action"] == "open"  # begins the retraining, which needs a data set


def test_drift_with_a_damaged_history_retrains_for_no_older_drift_and_leaves_it_open(
    run: Run, home: Path
) -> None:
    world.label(home, world.known(40, wrong=True))
    run("drift", "--no-retrain")
    path = home / "labels" / "drift.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "noise\n", encoding="utf-8")
    for stderr in (True, False):
        result = run("drift")
        assert result.exit_code == 3
        assert re.match("DRIFT of 20.* is open .reported only.*NOTHING NEW", last_line(result))
        assert ("damaged" in result.stderr) == stderr
        assert ("is not known" in last_line(result)) == stderr  # and that is said
    assert outcomes(home) == ["report_only"]


def test_drift_history_that_was_lost_with_its_labels_is_not_missed(run: Run, home: Path) -> None:
    rows = world.known(80, wrong=True)
    world.label(home, rows[:40])
    run("drift", "--no-retrain")
    shutil.rmtree(home / "labels")
    result = run("drift")
    assert (result.exit_code, result.stderr) == (0, "")
    assert last_line(result).startswith("NOTHING NEW")
    world.label(home, rows[40:])
    assert answer(run("drift", "--json"))["action"] == "open"


def test_drift_whose_history_cannot_be_used_says_so(run: Run, home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    (home / "labels" / "drift.jsonl").mkdir()
    result = run("drift")
    assert result.exit_code == 74
    assert "drift.jsonl is not a regular file" in result.stderr


# the page


def test_drift_report_is_a_page_with_verdict_measures_and_history(run: Run, home: Path) -> None:
    world.label(home, [("<script>alert(1)</script> awful & \x1b[2J film", 0), *world.known(60, wrong=True)])
    result = run("drift", "--no-retrain", "--report", "my page.html", "--quiet")
    assert result.exit_code == 3
    page = (home / "my page.html").read_text(encoding="utf-8")
    assert "Drift: the new reviews differ" in page
    assert "--report &#39;my page.html&#39;" in page
    assert page.count("<svg") >= 3
    assert "<script" not in page
    assert "\x1b" not in page


def test_drift_replaces_its_own_page_and_no_other_file(run: Run, home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    for _ in range(2):
        assert run("drift", "--no-retrain", "--report", "r.html").exit_code in {0, 3}
    assert "No new label since" in (home / "r.html").read_text(encoding="utf-8")
    (home / "mine.html").write_text("<p>mine</p>", encoding="utf-8")
    result = run("drift", "--no-retrain", "--report", "mine.html")
    assert result.exit_code == 2
    assert (home / "mine.html").read_text(encoding="utf-8") == "<p>mine</p>"
    assert run("drift", "--report", "r.txt").exit_code == 2


# under cron and in containers


def test_drift_works_under_cron(home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE.parent), "LANG": "C"}
    page = home / "report.html"
    for beginning in (b"DRIFT: ", b"DRIFT of 20"):
        ended = call(
            *("drift", "--no-retrain", "--quiet", "--report", page),
            cwd="/",
            env=environment | {"BERTSENT_HOME": str(home)},
            preexec_fn=lambda: os.umask(0o077),
        )
        assert ended.returncode == 3, ended.stderr.decode()
        assert ended.stdout.startswith(beginning)
        assert ended.stdout.count(b"\n") == 1
        assert ended.stderr == b""
    assert page.exists()


def watching(home: Path, *options: str) -> subprocess.Popen[bytes]:
    return start("drift", "--watch", "1s", "--no-retrain", "--quiet", *options, cwd="/")


def test_drift_watch_looks_again_and_ends_well_when_told(home: Path) -> None:
    with watching(home) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"NOTHING NEW")
        world.label(home, world.known(40, wrong=True))
        while not (line := process.stdout.readline()).startswith(b"DRIFT"):
            assert line, "it ended"
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, 143}  # the second where it was at work
        assert time.monotonic() - asked < 5
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_drift_watch_survives_a_look_that_fails(home: Path) -> None:
    world.label(home, world.known(2))
    log = home / "labels" / "log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b"awful", b"a", 1))
    with watching(home) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert b"log.jsonl:1" in process.stderr.readline()
        log.write_bytes(whole)
        assert process.stdout.readline().startswith(b"CANNOT TELL: 2 new labels")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) in {0, 130}


# hooks


def test_a_drift_is_told_once_and_a_hook_that_fails_changes_nothing(run: Run, home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    told = ["--no-retrain", "--on-drift", "cat >> found.json; exit 5"]
    result = run("drift", "--json", *told)
    assert result.exit_code == 3
    assert "--on-drift ended with 5: cat >> found.json; exit 5" in result.stderr
    (event,) = map(json.loads, (home / "found.json").read_text().splitlines())
    assert event == {"event": "drift", "workspace": str(home), **answer(result)}
    assert run("drift", *told).exit_code == 3  # it is still open
    assert len((home / "found.json").read_text().splitlines()) == 1


def test_what_a_hook_prints_is_no_part_of_the_answer(home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    ended = call("drift", "--no-retrain", "--json", "--on-drift", "echo printed")
    assert ended.returncode == 3
    assert json.loads(ended.stdout)["action"] == "reported"
    assert b"printed" in ended.stderr


def test_hooks_are_not_run_without_a_drift(run: Run, home: Path) -> None:
    world.label(home, world.known(120))
    quiet = ["--on-drift", "touch told", "--on-published", "touch told"]
    assert run("drift", "--threshold", "0.9", *quiet).exit_code == 0
    assert not (home / "told").exists()


# the whole loop


@pytest.fixture
def drifted(home: Path) -> Path:
    """A workspace with 300 labels, half of them of another shop, and the data set of its version."""
    world.data_set(home / "data" / "films")
    world.label(home, [*world.known(150), *world.texts(world.SHOP, 150, seed=7)])
    return home


def finished(home: Path) -> None:
    """One verdict, one outcome, one new version, and nothing left to do."""
    assert [look.verdict for look in history(home).looks()] == ["drift"]
    assert outcomes(home) == ["published"]
    assert sorted(path.name for path in (home / "model").iterdir()) == ["1", "2"]
    assert not (home / ".bertsent" / "challenger").exists()
    assert [event["event"] for event in Ledger(home / "reports").events()] == ["published"]
    LabelLog(home / "labels").rebuild()


def test_drift_of_another_shop_ends_in_a_new_version(run: Run, drifted: Path) -> None:
    hooks = ["--on-drift", "cat > found.json", "--on-published", "cat > made.json"]
    result = run("drift", "--quiet", "--report", "r.html", *hooks)
    assert result.exit_code == 0, result.stderr
    found, made = (json.loads((drifted / name).read_text()) for name in ("found.json", "made.json"))
    assert (found["event"], found["action"], found["published"]) == ("drift", "training", None)
    assert (made["event"], made["action"], made["published"]) == ("published", "published", 2)
    assert found["measures"] == made["measures"]
    assert found["workspace"] == str(drifted)
    assert (result.stdout.count("\n"), result.stderr) == (1, "")  # what cron mails is one line
    assert last_line(result).startswith("DRIFT")
    assert re.search(
        r"\. Version 2 is current\. New reviews kept aside: (\d+) of \d+ right, before \d+ \(\d+ put right, ",
        last_line(result),
    )
    finished(drifted)
    assert "Version 2 is current" in (drifted / "r.html").read_text(encoding="utf-8")
    again = run("drift", "--json", "--on-drift", "touch again", "--on-published", "touch again")
    assert again.exit_code == 0
    assert (answer(again)["action"], answer(again)["open"]) == ("none", None)
    assert not (drifted / "again").exists(), "each drift is told once"
    finished(drifted)
    # Killed before the outcome was on the disk: the version is found, and not made again.
    path = drifted / "labels" / "drift.jsonl"
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    (drifted / "reports" / "ledger.jsonl").unlink()
    (drifted / ".bertsent" / "challenger" / "x").mkdir(parents=True)
    result = run("drift")
    assert result.exit_code == 0, result.stderr
    assert "Version 2 is current" in last_line(result)
    finished(drifted)


def test_drift_by_poisoned_labels_leaves_the_champion_alone(run: Run, home: Path) -> None:
    world.data_set(home / "data" / "films")
    world.label(home, world.known(300, wrong=True))
    # Without weights it begins with the encoder, at the pace of the champion: so it learns what it is told.
    version = home / "model" / "1"
    files = json.loads((version / "manifest.json").read_text(encoding="utf-8"))["files"]
    fake_versions.edit(version, files={name: said for name, said in files.items() if name != WEIGHTS})
    refused = run("drift", "--report", "r.html")
    assert refused.exit_code == 3
    assert (
        "300 of 300 labels say the opposite of the model: are positive and negative swapped? Nothing was"
        in (last_line(refused))
    )
    assert outcomes(home) == []
    page = (home / "r.html").read_text(encoding="utf-8")
    assert "300 of 300 labels say" in page
    assert "bertsent label --disputed" in page
    result = run("drift", "--json", "--yes")
    assert result.exit_code == 3, result.stderr
    assert (answer(result)["action"], answer(result)["published"]) == ("rejected", None)
    contradicted = answer(result)["contradicted"]
    assert (contradicted["labels"], contradicted["opposite"], contradicted["swapped"]) == (300, 300, True)
    assert len(contradicted["rows"]) == 10
    assert outcomes(home) == ["rejected"]
    assert [path.name for path in (home / "model").iterdir()] == ["1"]
    again = run("drift")  # no label is new, and nothing is trained again
    assert again.exit_code == 3
    assert re.match("DRIFT of 20.* is open .rejected.*bertsent label;.*NOTHING NEW", last_line(again))
    assert outcomes(home) == ["rejected"]


def test_drift_killed_while_it_trains_is_gone_on_with_to_one_outcome(run: Run, drifted: Path) -> None:
    with start("drift", "--report", drifted / "r.html") as process:
        while not list(drifted.glob(".bertsent/challenger/*/training/epoch-*")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.kill()
        said = process.communicate()[1].decode()
    assert re.search(r"DRIFT: .* 0\.\d\d \(threshold 0\.1\)\. Training a candidate; Ctrl-C stops it", said)
    assert "A candidate is being trained" in (drifted / "r.html").read_text(encoding="utf-8")
    assert outcomes(drifted) == []
    result = run("drift", "--quiet", "--report", "r.html")
    assert result.exit_code == 0, result.stderr
    assert "Version 2 is current" in last_line(result)
    assert "A candidate is being trained" not in (drifted / "r.html").read_text(encoding="utf-8")
    finished(drifted)


def test_drift_killed_at_any_step_before_it_trains_has_taken_one_look_in_the_end(home: Path) -> None:
    world.label(home, world.known(40, wrong=True))
    command = [sys.executable, drift_faults.__file__, "look", str(home), "kill"]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=300)
    *killed, last = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(killed) > 10
    for row in killed:
        assert row["status"] == -signal.SIGKILL
        assert row["problem"] == ""
        assert row["events"] in ([], [1])
        assert row["again"]["events"] == [1]
    assert last["events"] == last["again"]["events"] == [1]
