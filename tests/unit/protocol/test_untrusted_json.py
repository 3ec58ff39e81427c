"""Tests of decoding JSON from outside: every kind of damage raises the same error."""

import msgspec
import pytest

from agp_tui.errors import AgpError
from agp_tui.protocol.commands import decode_command
from agp_tui.protocol.untrusted_json import JsonError, decode_json

DAMAGED = [b"", b"{", b"3", b"\xff\xfe", b'{"type": "\xff"}', b"[" * 100_000, b'{"type": ' + b"[" * 100_000]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_json_raises_json_error(data: bytes) -> None:
    with pytest.raises(JsonError):
        decode_json(data, msgspec.json.Decoder(dict[str, str]))


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_command_raises_agp_error(data: bytes) -> None:
    with pytest.raises(AgpError):
        decode_command(data)
