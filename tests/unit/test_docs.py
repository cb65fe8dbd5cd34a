"""The documentation speaks of what is there, and its generated pages of everything that is."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from docs import build
from docs.generate import commands, events, http, modules, packs, settings, streaming
from events.catalogue import EVENT_TYPES

ROOT = Path(__file__).resolve().parents[2]
SITE = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md"))
NAMED = re.compile(r"`((?:events|projections|replay|services|tests|web|docs)/[\w./-]+)`")
VARIABLE = re.compile(r"\bLAPSTREAM_[A-Z_]+\b")


def addresses(nav: object) -> list[str]:
    """The pages of a navigation, in order."""
    match nav:
        case str():
            return [nav]
        case dict():
            return [page for inner in nav.values() for page in addresses(inner)]
        case list():
            return [page for inner in nav for page in addresses(inner)]
    raise TypeError(nav)


class TestPages:
    """Pages that are written by hand."""

    @pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
    def test_files_exist(self, path: Path) -> None:
        """A file or folder of the project that a page names exists."""
        named = {
            name.partition(":")[0]
            for name in NAMED.findall(path.read_text("utf-8"))
            if not name.startswith("services/screen")  # built, and in no repository
        }
        assert [name for name in sorted(named) if not (ROOT / name).exists()] == []

    def test_navigation_has_every_page(self) -> None:
        """Every page is in the navigation, once."""
        ours = [path.relative_to(ROOT / "docs").as_posix() for path in PAGES]
        assert sorted(addresses(SITE["nav"])) == sorted([*ours, "changelog.md"])

    def test_every_module_is_listed(self) -> None:
        """The page of modules lists each; ``python -m docs.build modules`` writes it."""
        listed = modules.listed(modules.PAGE.read_text("utf-8"))
        assert listed == [path.as_posix() for path in modules.modules()]

    def test_every_package_is_described(self) -> None:
        """The architecture page has a line for each package, or for the one that it is part of."""
        page = (ROOT / "docs/architecture.md").read_text("utf-8")
        described = set(re.findall(r"^\| `([\w/]+)/` \|", page, re.MULTILINE))
        packages = {path.parent.as_posix() for path in modules.modules()}
        bare = {"services"}
        assert described <= packages
        assert [
            name
            for name in sorted(packages - bare)
            if not any(f"{name}/".startswith(f"{one}/") for one in described - bare)
        ] == []
        assert {name for name in packages if name.count("/") == 1} - described <= {
            "replay/petit_le_mans_2007",
            "replay/races",
            "replay/seasons",
        }

    def test_every_variable_is_listed(self) -> None:
        """The page of settings has each environment variable that the code reads, and no other."""
        read = {
            name
            for path in (ROOT / "services").rglob("*.py")
            for name in VARIABLE.findall(path.read_text("utf-8"))
        }
        read |= set(VARIABLE.findall(settings.page()))
        page = (ROOT / "docs/reference/settings.md").read_text("utf-8") + settings.page()
        assert set(VARIABLE.findall(page)) == read

    def test_terms_are_in_order(self) -> None:
        """The glossary is alphabetical, and each term has one definition."""
        terms = re.findall(
            r"^### (.+)$", (ROOT / "docs/glossary.md").read_text("utf-8"), re.MULTILINE
        )
        assert terms == sorted(set(terms), key=str.lower)


class TestReference:
    """Pages that are generated."""

    def test_each_page_has_its_marker(self) -> None:
        """The generated part has one place on its page."""
        for name in build.GENERATED:
            text = (ROOT / "docs/reference" / f"{name}.md").read_text("utf-8")
            assert text.count(build.MARKER) == 1, name

    def test_http_has_every_route(self) -> None:
        """Each route and each type has a heading, and a link to it leads there."""
        page = http.page()
        for path, operations in http.openapi()["paths"].items():
            for method in operations:
                assert f"\n### {method.upper()} {path} {{" in page
        assert linked(page) <= anchored(page)

    def test_every_reference_of_openapi_leads_somewhere(self) -> None:
        """A program that reads the description finds every schema that it refers to."""
        document = http.openapi()
        raw = json.dumps(document)
        for name in set(re.findall(r'"\$ref": "([^"]+)"', raw)):
            assert name.startswith("#/components/schemas/")
            assert name.rpartition("/")[2] in document["components"]["schemas"]

    def test_operation_ids_are_kept(self) -> None:
        """Generated clients name their methods by these; new routes come behind them."""
        golden = json.loads((ROOT / "tests/golden/operation_ids_0_1.json").read_text("utf-8"))
        ids = {
            f"{method.upper()} {path}": operation["operationId"]
            for path, operations in http.openapi()["paths"].items()
            for method, operation in operations.items()
        }
        assert {route: ids.get(route) for route in golden} == golden
        assert len(set(ids.values())) == len(ids)

    def test_answers_are_open_where_they_were(self) -> None:
        """An added member breaks no client that validates answers; rows stay as described."""
        schemas = http.openapi()["components"]["schemas"]
        for name in ("SessionLine", "Standings", "StandingsFlatRow", "Chart"):
            assert "additionalProperties" not in schemas[name], name
        assert schemas["StandingsRow"]["additionalProperties"] is False

    def test_events_has_every_type(self) -> None:
        """Each type of event has a heading and an example."""
        page = events.page()
        for name in EVENT_TYPES:
            assert f"\n### {name} {{" in page
        assert page.count("```json") == len(EVENT_TYPES)
        assert linked(page) <= anchored(page)

    def test_commands(self) -> None:
        """Commands of groups are there, with arguments, own and shared options."""
        page = commands.page()
        assert "\nlapstream penalty impose SESSION CAR KIND [AMOUNT] [OPTIONS]\n" in page
        assert "| `--finish-now` | flag |" in page
        assert linked(page) <= anchored(page)

    def test_streaming(self) -> None:
        """Every channel and message is there."""
        page = streaming.page()
        for word in ("/sessions/{session}/live", "### snapshot", "### delta", "`max_hz`", "`seek`"):
            assert word in page
        assert linked(page) <= anchored(page)

    def test_packs(self) -> None:
        """Every pack is there, and each rule with its source."""
        page = packs.page()
        for path in packs.RULES.glob("*.toml"):
            assert f"{{ #{path.stem} }}" in page
        assert "| `retirements` | on_laps | Petit Le Mans 2007: #8 did not finish" in page


def linked(page: str) -> set[str]:
    """The anchors that a page links to within itself."""
    return set(re.findall(r"\]\(#([\w-]+)\)", page))


def anchored(page: str) -> set[str]:
    """The anchors that its headings have."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    given = {found[1] for found in re.finditer(r"\{ #([\w-]+)", page)}
    return given | {re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in headings}
