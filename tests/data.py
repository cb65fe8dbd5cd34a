"""Real timing data, which lies beside the project where it is to be had at all."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
"""Its folders and what is known of them: ``README.md`` in it."""

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real timing data (../shared/data) is not here"
)
