"""Build the documentation site.

    python -m docs.build            into build/site; warnings, dead links and anchors fail
    python -m docs.build serve      the same on http://127.0.0.1:8001, without the final check
    python -m docs.build modules    rewrite the list in docs/reference/modules.md

Pages are staged in ``build/docs``: those of ``docs/``, in which a reference page's generated
part replaces its marker, and the changelog. Zensical makes the site from these.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from docs.generate import client, commands, events, http, modules, packs, settings, streaming

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
STAGED = ROOT / "build" / "docs"
SITE = ROOT / "build" / "site"
MARKER = "<!-- generated -->\n"
GENERATED = {
    "http": http.page,
    "streaming": streaming.page,
    "events": events.page,
    "command-line": commands.page,
    "packs": packs.page,
    "settings": settings.page,
    "python-client": client.page,
}
"""Pages in ``docs/reference`` and what makes the part behind their marker."""

LOADED = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}
"""Elements with which a page loads something by itself."""


def stage() -> None:
    """Copy the pages to where the site is made from, with their generated parts."""
    shutil.rmtree(STAGED, ignore_errors=True)
    shutil.copytree(
        DOCS, STAGED, ignore=shutil.ignore_patterns("generate", "build.py", "__pycache__")
    )
    for name, page in GENERATED.items():
        path = STAGED / "reference" / f"{name}.md"
        text = path.read_text("utf-8")
        if text.count(MARKER) != 1:
            raise SystemExit(f"docs/reference/{name}.md needs one line {MARKER.strip()!r}")
        path.write_text(text.replace(MARKER, page()), "utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    (STAGED / "changelog.md").write_text(changelog.replace("](docs/", "]("), "utf-8")


def zensical(*arguments: str) -> int:
    """Run the site generator; its exit code."""
    program = Path(sys.executable).with_name("zensical")
    done = subprocess.run(  # noqa: S603 - the generator of this environment
        [str(program), *arguments],
        cwd=ROOT,
        check=False,
        capture_output=arguments[0] == "build",
        env={**os.environ, "NO_COLOR": "1"},
    )
    if done.returncode and done.stdout is not None:
        warnings = (done.stdout + done.stderr).decode().partition("Traceback")[0]
        sys.stderr.write(warnings)
    return done.returncode


# -- The built site ------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page of the site links to and loads, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of an element, and its anchor."""
        found = {name: value for name, value in attrs if value is not None}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADED and LOADED[tag] in found and found.get("rel") != "canonical":
            self.loaded.append(found[LOADED[tag]])


def faults() -> Iterator[str]:
    """Links that lead nowhere, and what would be loaded from elsewhere."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(SITE.rglob("*.html"))}
    for path, page in pages.items():
        where = path.relative_to(SITE)
        for address in page.loaded:
            if urlsplit(address).scheme not in ("", "data") or address.startswith("//"):
                yield f"{where}: {address} would be loaded from elsewhere"
        if path.name == "404.html":
            continue  # its addresses are those of the site's root
        for address in {*page.links, *page.loaded}:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                yield f"{where}: {address} leads nowhere"
            elif target in pages and parts.fragment not in {"", *pages[target].anchors}:
                yield f"{where}: {address} has no such anchor"
    for path in sorted(SITE.rglob("*.css")):
        for address in re.findall(
            r"url\(\s*['\"]?((?:https?:)?//[^)'\"]+)", path.read_text("utf-8")
        ):
            yield f"{path.relative_to(SITE)}: {address} would be loaded from elsewhere"


def build() -> int:
    """Build the site and check it; the exit code."""
    stage()
    if code := zensical("build", "--strict", "--clean"):
        return code
    found = list(faults())
    for fault in found:
        print(fault, file=sys.stderr)  # noqa: T201 - a program's message
    pages = len(list(SITE.rglob("*.html")))
    print(f"build/site: {pages} pages" if not found else f"{len(found)} faults")  # noqa: T201
    return 1 if found else 0


def main() -> int:
    """Do what the command line says; the exit code."""
    match sys.argv[1:]:
        case []:
            return build()
        case ["serve"]:
            stage()
            return zensical("serve", "--dev-addr", "127.0.0.1:8001")
        case ["modules"]:
            modules.write()
            return 0
        case _:
            sys.stderr.write(__doc__ or "")
            return 2


if __name__ == "__main__":
    sys.exit(main())
