"""How our processes end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("seed", ["4", "5"])
def test_a_process_that_described_its_types_ends_without_a_crash(seed: str) -> None:
    """With these hash seeds the collector's last run met what it crashes on, before it was kept from it."""
    program = (
        "from ringtrail.dialects.agendize.reference import REFERENCE;"
        "from ringtrail.httpkit.reference import openapi_document; openapi_document(REFERENCE, 'http://x')"
    )
    environ = os.environ | {"PYTHONHASHSEED": seed}
    assert subprocess.run([sys.executable, "-c", program], env=environ, check=False).returncode == 0
