"""What the tests of the docs read in a Markdown page: headings, links, and command lines."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)[^)]*\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)
_IMAGE = re.compile(r"bertsent(:\w+)?")  # of Docker; its entry point is the command


@dataclass(frozen=True)
class Call:
    """One call of `bertsent` in a page."""

    page: str
    line: str  # the command line it is part of
    words: tuple[str, ...]  # its arguments
    before: str = ""  # the command whose output it reads, if any
    stdin: str = ""  # the file it reads, if any
    docker: bool = False


def prose(text: str) -> str:
    """The page without its code blocks."""
    return _FENCE.sub("", text)


def inline_code(text: str) -> list[str]:
    """What stands between backticks."""
    return _INLINE.findall(prose(text))


def links(text: str) -> list[str]:
    """The targets of all links."""
    return _LINK.findall(_INLINE.sub("", prose(text)))


def headings(text: str) -> list[str]:
    """The text of all headings, without markup."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", prose(text))
    return [heading.replace("`", "").replace("*", "") for heading in _HEADING.findall(plain)]


def github_anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings: lower case, without punctuation, hyphens for spaces."""
    seen: Counter[str] = Counter()
    anchors = set()
    for heading in headings(text):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def site_anchors(text: str) -> set[str]:
    """The anchors that MkDocs gives them (`toc.slugify` of Python-Markdown)."""
    anchors: set[str] = set()
    for heading in headings(text):
        ascii_only = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())
        number = next(n for n in range(len(anchors) + 1) if (f"{slug}_{n}" if n else slug) not in anchors)
        anchors.add(f"{slug}_{number}" if number else slug)
    return anchors


def section(text: str, heading: str) -> str:
    """The page from this heading to the next one of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(heading)}$\n(.*)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return re.split(rf"^#{{1,{len(found[1])}}} ", found[2], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return [code for named, code in _FENCE.findall(text) if named == language]


def command_lines(text: str) -> list[str]:
    """The command lines after a `$` in console blocks; a line that ends in a backslash goes on."""
    joined = "\n".join(blocks(text, "console")).replace("\\\n", " ")
    return [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]


def calls(page: Path, root: Path) -> Iterator[Call]:
    """The calls of `bertsent` in the console blocks of a page."""
    for line in command_lines(page.read_text(encoding="utf-8")):
        yield from _calls(line, str(page.relative_to(root)))


def mentions(text: str) -> Iterator[list[str]]:
    """The arguments of `bertsent` in inline code, in crontabs, and in units of systemd."""
    for code in inline_code(text):
        if code.startswith("bertsent ") and "..." not in code:
            yield shlex.split(code)[1:]
    for language in ("console", "ini"):
        for code in blocks(text, language):
            for arguments in re.findall(r"^(?!\$).*/bin/bertsent (.*)$", code, re.MULTILINE):
                yield shlex.split(arguments)


def _calls(line: str, page: str) -> Iterator[Call]:
    before: list[str] = []
    for command, operator in _commands(line):
        words, stdin = _without_redirection(command)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        left = shlex.join(before)
        before = words if operator == "|" else []
        if words[:1] == ["bertsent"]:
            yield Call(page, line, tuple(words[1:]), before=left, stdin=stdin)
        elif words[:2] == ["docker", "run"]:
            image = next((at for at, word in enumerate(words) if _IMAGE.fullmatch(word)), None)
            if image is not None:
                yield Call(page, line, tuple(words[image + 1 :]), docker=True)


def _commands(line: str) -> Iterator[tuple[list[str], str]]:
    """The simple commands of a line, each with the operator behind it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word in {"|", "&&", "||", ";"}:
            yield words, word
            words = []
        else:
            words.append(word)
    yield words, ""


def _without_redirection(words: list[str]) -> tuple[list[str], str]:
    kept, stdin = [], ""
    rest = iter(words)
    for word in rest:
        if word in {"<", ">", ">>"}:
            file = next(rest, "")
            stdin = file if word == "<" else stdin
        else:
            kept.append(word)
    return kept, stdin
