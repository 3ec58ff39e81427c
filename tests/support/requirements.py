"""Missing requirements of a test: skip, or fail on CI."""

import os
from typing import NoReturn

import pytest


def skip_or_fail(reason: str, strict: str = "AGP_REQUIRE_DISPLAY") -> NoReturn:
    """Skip the test; fail instead if the environment variable `strict` is 1, as on CI."""
    if os.environ.get(strict) == "1":
        pytest.fail(reason)
    pytest.skip(reason)
