"""The timing screen, as far as that can be told without a browser."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from services.gateway import create_app
from services.gateway.routes import pages
from services.settings import GatewaySettings

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
LARGEST_KB = 150


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A screen that was built, in a folder of its own."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>the screen")
    (tmp_path / "desk.html").write_text("<!doctype html>the desk")
    (tmp_path / "graphics.html").write_text("<!doctype html>graphics")
    (tmp_path / "docs.html").write_text("<!doctype html>the interface")
    (tmp_path / "assets" / "index-1.js").write_text("start()")
    monkeypatch.setattr(pages, "FILES", tmp_path)
    return tmp_path


@pytest.fixture
async def client(page: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Asks a gateway that needs no store for its pages."""
    transport = httpx.ASGITransport(create_app(GatewaySettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


class TestServed:
    """The gateway serves the page."""

    async def test_page(self, page: Path, client: httpx.AsyncClient) -> None:
        """The page is at the root, is asked for anew each time, and may reach its gateway only."""
        answer = await client.get("/")
        assert (answer.status_code, answer.text) == (200, "<!doctype html>the screen")
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cache-control"] == "no-cache"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self';" in policy
        assert "font-src 'self';" in policy
        assert (await client.head("/")).status_code == 200

    async def test_not_built(self, page: Path, client: httpx.AsyncClient) -> None:
        """Where the page was not built, its address says how to build it."""
        (page / "index.html").unlink()
        answer = await client.get("/")
        assert (answer.status_code, answer.text) == (404, f"{pages.NOT_BUILT}\n")
        assert (await client.get("/healthz")).status_code == 200

    async def test_assets(self, page: Path, client: httpx.AsyncClient) -> None:
        """What the page needs is kept for good, for its names change with its content."""
        answer = await client.get("/assets/index-1.js")
        assert (answer.status_code, answer.text) == (200, "start()")
        assert "javascript" in answer.headers["content-type"]
        assert "immutable" in answer.headers["cache-control"]

    async def test_font(self, page: Path, client: httpx.AsyncClient) -> None:
        """A font is named as one, whatever the machine knows of file names."""
        (page / "assets" / "plain-1.woff2").write_bytes(b"wOF2")
        answer = await client.get("/assets/plain-1.woff2")
        assert answer.headers["content-type"] == "font/woff2"

    @pytest.mark.parametrize(
        ("accepted", "coding"),
        [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip;q=1.0, br;q=0", "gzip"),
            ("gzip", "gzip"),
            ("identity", None),
            ("", None),
        ],
    )
    async def test_compressed(
        self, page: Path, client: httpx.AsyncClient, accepted: str, coding: str | None
    ) -> None:
        """Each client gets the smallest copy that it accepts, with the type of the file."""
        asset = page / "assets" / "index-1.js"
        (page / "assets" / "index-1.js.gz").write_bytes(gzip.compress(asset.read_bytes()))
        (page / "assets" / "index-1.js.br").write_bytes(b"brotli")
        async with client.stream(
            "GET", "/assets/index-1.js", headers={"Accept-Encoding": accepted}
        ) as answer:
            body = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers.get("content-encoding") == coding
        assert "javascript" in answer.headers["content-type"]
        assert answer.headers["vary"] == "Accept-Encoding"
        endings = {"br": ".br", "gzip": ".gz", None: ""}
        assert body == (page / "assets" / f"index-1.js{endings[coding]}").read_bytes()

    async def test_nothing_else_is_taken(self, page: Path, client: httpx.AsyncClient) -> None:
        """An unknown path is answered as it was, and no file outside of the page is given."""
        assert (await client.get("/sessionz")).status_code == 404
        assert (await client.post("/")).status_code == 405
        assert (await client.get("/assets/../../settings.py")).status_code == 404
        assert (await client.get("/assets/%2e%2e/index.html")).status_code == 404


needs_build = pytest.mark.skipif(
    not pages.built(), reason="the timing screen was not built (`make screen`)"
)


def read(page: str) -> str:
    """A page that was built."""
    return (pages.FILES / page).read_text()


def fonts(kind: str) -> list[Path]:
    """The files of the font for an alphabet, one a weight."""
    files = (pages.FILES / "assets").glob("*.woff2")
    return [path for path in files if re.search(f"-{kind}", path.name)]


def needed(page: str, *, lazily: bool = True) -> set[Path]:
    """The files that a page loads: those it names and those that they name, and so on.

    Of the font those that every page loads: the others come where a name needs them.
    """
    assets = {path.name: path for path in (pages.FILES / "assets").iterdir()}
    found, left = set(), [pages.FILES / page]
    while left:
        path = left.pop()
        if path in found or "-latin-ext-" in path.name or path.name.endswith(".txt"):
            continue
        found.add(path)
        if path.suffix not in {".html", ".js", ".css"} or (not lazily and path.suffix == ".js"):
            continue
        left += [
            assets[name] for name in re.findall(r"[\w.-]+", path.read_text()) if name in assets
        ]
    return found


def packed(files: Iterable[Path]) -> int:
    """The bytes of files as they are sent compressed: fonts are, by themselves."""
    copies = {path: path.with_name(f"{path.name}.br") for path in files}
    return sum((copy if copy.is_file() else path).stat().st_size for path, copy in copies.items())


OWN_PAGES = sorted({*pages.PAGES.values()} - {"docs.html"})
"""The pages made here. That of the interface is Swagger UI's, with its font and of its size."""


@needs_build
class TestBuilt:
    """What was built from web/."""

    @pytest.mark.parametrize("page", OWN_PAGES)
    def test_size(self, page: str) -> None:
        """A page with all that it ever loads is small, its font included."""
        assert packed(needed(page)) < LARGEST_KB * 1000

    def test_size_with_letters_of_other_alphabets(self) -> None:
        """The timing screen is small, too, where names need letters beyond Latin 1."""
        atonce = needed("index.html", lazily=False) | set(fonts("latin-ext"))
        assert packed(atonce) < LARGEST_KB * 1000

    @pytest.mark.parametrize("page", OWN_PAGES)
    @pytest.mark.parametrize("coding", ["br", "gzip"])
    async def test_on_the_wire(self, page: str, coding: str) -> None:
        """What a page loads first is small as it is sent, and not only as it could be."""
        transport = httpx.ASGITransport(create_app(GatewaySettings()))
        sent = 0
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            for path in needed(page, lazily=False):
                if path.suffix == ".html":
                    sent += path.stat().st_size
                    continue
                headers = {"Accept-Encoding": coding}
                url = f"/assets/{path.name}"
                async with client.stream("GET", url, headers=headers) as answer:
                    sent += sum([len(chunk) async for chunk in answer.aiter_raw()])
        assert sent < LARGEST_KB * 1000

    def test_font(self) -> None:
        """Every page is told of the font at once; its licence comes along."""
        latin = fonts("latin-[0-9]")
        assert len(latin) == 2
        for page in OWN_PAGES:
            given = re.findall(r"preload\"\s+as=\"font\"[^>]+/assets/([^\"]+)\"", read(page))
            assert sorted(given) == sorted(path.name for path in latin)
        licence = (pages.FILES / "assets" / "ibm-plex-sans-condensed.OFL.txt").read_text()
        assert "SIL OPEN FONT LICENSE Version 1.1" in licence

    def test_no_request_leaves_the_machine(self) -> None:
        """Neither the page nor its styles load anything from elsewhere."""
        page = (pages.FILES / "index.html").read_text()
        assert re.findall(r"(?:src|href)=\"(?!/assets/)[^\"]*", page) == []
        for path in pages.FILES.rglob("*.css"):
            elsewhere = r"""url\((?!["']?(?:data:|/assets/))|@import"""
            assert re.findall(elsewhere, path.read_text()) == []

    def test_all_is_there(self) -> None:
        """Every file that the page names is there."""
        page = (pages.FILES / "index.html").read_text()
        named = re.findall(r"(?:src|href)=\"/(assets/[^\"]+)", page)
        assert named
        assert [name for name in named if not (pages.FILES / name).is_file()] == []


async def test_only_the_desk_may_not_be_framed(client: httpx.AsyncClient) -> None:
    """Nobody's page can lay itself over the desk; systems for graphics frame their pages.

    What reads the interface can send requests, too, and is framed by nobody.
    """
    framed = {
        path: "frame-ancestors 'none'" not in page.headers["content-security-policy"]
        for path in pages.PAGES
        for page in [await client.get(path)]
    }
    assert framed == {"/": True, "/desk": False, "/graphics": True, "/docs": False}


def test_lock_names_no_registry() -> None:
    """Packages are locked by what they hold, and come from wherever one's registry is."""
    lock = json.loads((WEB / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages
    assert [name for name, one in packages.items() if "resolved" in one] == []
    assert [name for name, one in packages.items() if "integrity" not in one] == []


def test_no_runtime_dependency() -> None:
    """All that the page needs is compiled into it."""
    assert "dependencies" not in json.loads((WEB / "package.json").read_text())


def fixtures() -> ModuleType:
    """What writes the fixtures of the page's own tests."""
    spec = importlib.util.spec_from_file_location("fixtures", WEB / "test" / "write_fixtures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["messages.json", "patches.json", "words.json", "names.json"])
def test_fixtures_are_current(name: str) -> None:
    """The page's tests are held to what this gateway sends: web/test/write_fixtures.py."""
    assert (WEB / "test" / "fixtures" / name).read_text() == fixtures().text(name)
