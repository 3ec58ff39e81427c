"""What a test cannot run without: a skip on a person's machine, a failure where none may be skipped."""

import os
from typing import NoReturn

import pytest


def skip_or_fail(reason: str, strict: str = "AGP_REQUIRE_DISPLAY") -> NoReturn:
    """Skip for this reason; fail where the variable `strict` is 1, as CI sets it."""
    if os.environ.get(strict) == "1":
        pytest.fail(reason)
    pytest.skip(reason)
