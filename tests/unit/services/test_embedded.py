"""What the embedded server's own log tells."""

import pytest

from services.storage.valkey import indicates_damage


@pytest.mark.parametrize(
    ("printed", "damage"),
    [
        ("Bad file format reading the append only file appendonly.aof.1.incr.aof: make a", True),
        ("Unrecoverable error reading the append only file x: Input/output error", True),
        ("The AOF manifest file contains too long line", True),
        ("Unable to obtain the AOF file appendonly.aof.1.incr.aof length", True),
        ("Internal error in RDB reading offset 0, function at rdb.c:3632", True),
        ("Can't recover from AOF write error when the AOF fsync policy is 'always'", False),
        ("Can't persist AOF for fsync error when the AOF fsync policy is 'always'", False),
        ("Error writing to the AOF file: No space left on device", False),
        ("Out Of Memory allocating 16 bytes!", False),
        ("", False),
    ],
)
def test_damage_and_other_ends(printed: str, damage: bool) -> None:
    """Only a log that could not be read is said to be damaged: mending cuts it."""
    assert indicates_damage(printed) is damage
