"""Tokens and roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.roles import BadTokens, Grant, Role, Tokens, new_token


def test_a_token_carries_its_role() -> None:
    """A new token counts where its line is kept; the line does not tell it."""
    secret, line = new_token("race-control", Role.CONTROL)
    assert secret not in line
    assert Tokens([line]).grant(secret) == Grant("race-control", Role.CONTROL)
    assert Tokens([line]).grant(secret[:-1]) is None
    assert Tokens().grant(secret) is None


def test_file_and_environment(tmp_path: Path) -> None:
    """Tokens come from a file with comments, and from a variable with commas."""
    found = [new_token(f"screen-{number}", Role.VIEWER) for number in range(4)]
    file = tmp_path / "tokens"
    file.write_text(f"# screens\n\n{found[0][1]}\n  {found[1][1]}  \n")
    tokens = Tokens.of_file(str(file)) + Tokens.parse(f"{found[2][1]},{found[3][1]}")
    assert len(tokens) == 4
    assert all(tokens.grant(secret) for secret, _ in found)


@pytest.mark.parametrize("line", ["secret", "rc boss sha256:" + "0" * 64, "rc control sha256:0"])
def test_slips_are_reported(line: str) -> None:
    """A line that is no token is an error, which does not repeat what may be a secret."""
    with pytest.raises(BadTokens) as caught:
        Tokens([line])
    assert line not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """A file that cannot be read is an error, not a gateway without tokens."""
    with pytest.raises(BadTokens):
        Tokens.of_file(str(tmp_path / "missing"))


def test_roles_are_in_order() -> None:
    """Each role may do what those before it may."""
    assert list(Role) == [Role.VIEWER, Role.OUTPUT, Role.CONTROL, Role.ADMIN]
    assert sorted(Role) == list(Role)


@pytest.mark.parametrize(
    ("sessions", "covered"),
    [
        ((), True),
        (("spa-2026",), True),
        (("spa-*",), True),
        (("monza", "spa-202?"), True),
        (("spa",), False),
        (("monza-*",), False),
        (("*-2025",), False),
    ],
)
def test_a_scope_covers_sessions(sessions: tuple[str, ...], covered: bool) -> None:
    """By name or by pattern; all without any."""
    assert Grant("desk", Role.CONTROL, sessions).covers("spa-2026") is covered
