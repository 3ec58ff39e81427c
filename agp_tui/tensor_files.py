"""Files of tensors and plain data: written in one step, read without running any code that is in them."""

import io
from pathlib import Path
from typing import Any

from agp_tui.errors import ModelError
from agp_tui.files import write_atomically


def write_tensors(path: Path, body: dict[str, Any]) -> None:
    """Replace `path` by a file with `body` in it. Raises `OSError`."""
    import torch

    buffer = io.BytesIO()
    torch.save(body, buffer)
    write_atomically(path, buffer.getvalue())


def read_tensors(path: Path, what: str, *, schema: int, cure: str) -> dict[str, Any]:
    """The body of such a file, which must have a `schema` up to the one that is known.

    Read with torch's `weights_only=True`. Raises `ModelError`, with `what` the file was expected to be,
    where it is missing, damaged, hostile, foreign or too new.
    """
    import torch

    try:
        body = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(
            f"Expected {what} at {path}, found none: {error.strerror or error}.", cure
        ) from error
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        raise ModelError(f"Expected {what} at {path}, found a damaged or foreign file.", cure) from error
    if not isinstance(body, dict) or not isinstance(body.get("schema"), int):
        raise ModelError(f"Expected {what} at {path}, found a file of something else.", cure)
    if body["schema"] > schema:
        raise ModelError(
            f"Expected {what} of schema {schema} or older in {path}, found {body['schema']}.",
            "Update agp-tui.",
        )
    return body
