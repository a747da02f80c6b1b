"""Renews the generated parts of README.md: the help of every command, and the table of exit codes.

python scripts/readme_help.py          write them
python scripts/readme_help.py --check  exit 1 if README.md differs from them
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from typer.testing import CliRunner

from bertsent.base.errors import EXIT_CODES
from bertsent.cli import app

README = Path(__file__).parent.parent / "README.md"
_BLOCK = re.compile(r"(<!-- (help|exit codes)(?: ([a-z]+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def render(text: str) -> str:
    """The same README with its generated parts made anew."""
    return _BLOCK.sub(lambda found: found[1] + _made(found[2], found[3]) + found[4], text)


def _made(kind: str, command: str | None) -> str:
    if kind == "exit codes":
        rows = "".join(f"| {int(code)} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
        return f"| code | meaning |\n|---|---|\n{rows}"
    words = [command, "--help"] if command else ["--help"]
    answer = CliRunner().invoke(app, words, prog_name="bertsent", env={"COLUMNS": "80"})
    return f"```text\n$ bertsent {' '.join(words)}\n{answer.stdout.strip()}\n```\n"


def main(arguments: list[str]) -> int:
    before = README.read_text(encoding="utf-8")
    after = render(before)
    if arguments == ["--check"]:
        return int(before != after)
    README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
