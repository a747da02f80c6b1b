"""Renews the generated parts of the docs: docs/commands.md, and the table of exit codes in docs/reference.md.

python scripts/docs_generate.py          write them
python scripts/docs_generate.py --check  exit 1 if a page differs from them
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from bertsent.base.errors import EXIT_CODES
from bertsent.cli import app
from bertsent.cli._app import LIFE_CYCLE

DOCS = Path(__file__).parent.parent / "docs"
_EXIT_CODES = re.compile(r"(<!-- exit codes -->\n).*?(<!-- end -->)", re.DOTALL)
_HEAD = """# All commands

Every command with its options, as `--help` prints it. `scripts/docs_generate.py` writes this page.
"""


def pages() -> dict[Path, str]:
    """Path -> text of every page that has generated parts, made anew."""
    reference = DOCS / "reference.md"
    return {
        DOCS / "commands.md": "\n".join([_HEAD, *_sections()]),
        reference: _EXIT_CODES.sub(rf"\1{_exit_codes()}\2", reference.read_text(encoding="utf-8")),
    }


def _sections() -> Iterator[str]:
    yield f"## bertsent\n\n{_help()}"
    for command in LIFE_CYCLE:
        text = _help(command)
        yield f"## bertsent {command}\n\n{text}"
        _, _, listed = text.partition("\nCommands:\n")
        for name in re.findall(r"^  ([a-z-]+)  ", listed, re.MULTILINE):
            yield f"### bertsent {command} {name}\n\n{_help(command, name)}"


def _help(*words: str) -> str:
    command = [*words, "--help"]
    answer = CliRunner().invoke(app, command, prog_name="bertsent", env={"COLUMNS": "80"})
    return f"```text\n$ bertsent {' '.join(command)}\n{answer.stdout.strip()}\n```\n"


def _exit_codes() -> str:
    rows = "".join(f"| {int(code)} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    return f"| code | meaning |\n|---|---|\n{rows}"


def main(arguments: list[str]) -> int:
    stale = {
        path: text
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    if arguments == ["--check"]:
        return int(bool(stale))
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
