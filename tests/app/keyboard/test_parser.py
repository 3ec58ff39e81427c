"""Key sequences of terminals: key strokes if enabled, and Textual's own key events."""

import pytest
from textual import events
from textual.message import Message

from agp_tui.ui.keyboard.kitty_parser import KeyboardParser, KeyStroke, ReleaseSupport, to_key_name


def parse(text: str, enabled: bool = True) -> tuple[list[Message], list[str]]:
    """The reported messages, and the names of Textual's keys."""
    parser, reported = KeyboardParser(), list[Message]()
    parser.callback = reported.append if enabled else None
    messages = list(parser.feed(text))
    return reported, [message.key for message in messages if isinstance(message, events.Key)]


def strokes(text: str) -> list[tuple[str, str]]:
    return [(one.key, one.stroke) for one in parse(text)[0] if isinstance(one, KeyStroke)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[A", ("up", "press")),
        ("\x1b[1;1:2A", ("up", "repeat")),
        ("\x1b[1;1:3A", ("up", "release")),
        ("\x1b[1;2:3D", ("left", "release")),  # with shift
        ("\x1b[32;;32u", ("space", "press")),
        ("\x1b[32;1:3u", ("space", "release")),
        ("\x1b[97;;97u", ("a", "press")),
        ("\x1b[97:65;2:1;65u", ("a", "press")),  # shift+a, with its shifted key
        ("\x1b[97;129:3u", ("a", "release")),  # num lock is on
        ("\x1b[57441;2:1u", ("shift", "press")),
        ("\x1b[57448;1:3u", ("right_ctrl", "release")),
        ("\x1b[13;1:3u", ("enter", "release")),
        ("\x1b[5;1:2~", ("page_up", "repeat")),
        ("\x1b[15;1:3~", ("f5", "release")),
        ("\x1b[59;1:3u", ("semicolon", "release")),
    ],
)
def test_a_protocol_sequence_is_a_key_stroke(text: str, expected: tuple[str, str]) -> None:
    assert strokes(text) == [expected]


def test_textual_gets_presses_and_repeats_but_no_releases() -> None:
    text = "\x1b[A\x1b[1;1:2A\x1b[1;1:3A\x1b[97;;97u\x1b[97;1:3u\x1b[113;5u\x1b[113;5:3u"
    assert parse(text)[1] == ["up", "up", "a", "ctrl+q"]
    reported, keys = parse(text, enabled=False)
    assert reported == []
    assert keys == ["up", "up", "a", "ctrl+q"]


def test_keys_without_a_known_name_are_only_textual_keys() -> None:
    reported, keys = parse("\x1b[228;;228u\x1b[228;1:3u")
    assert reported == []
    assert len(keys) == 1


def test_other_sequences_are_parsed_as_before() -> None:
    parser = KeyboardParser()
    parser.callback = [].append
    found = list(parser.feed("x\x1b[<0;5;7M\x1b[I\x1b[200~paste\x1b[201~"))
    assert [type(one) for one in found] == [events.Key, events.MouseDown, events.AppFocus, events.Paste]


@pytest.mark.parametrize(
    ("answer", "supported"),
    [("\x1b[?27u\x1b[?62;22c", True), ("\x1b[?25u\x1b[?62c", False), ("\x1b[?1;2c", False)],
)  # fmt: skip
def test_release_support_follows_from_the_answer(answer: str, supported: bool) -> None:
    messages, keys = parse(answer)
    assert [one.supported for one in messages if isinstance(one, ReleaseSupport)] == [supported]
    assert keys == []


def test_an_unrequested_answer_is_not_a_key() -> None:
    assert parse("\x1b[?27u\x1b[?62;22c", enabled=False) == ([], [])


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_sequence_may_be_split(cut: int) -> None:
    parser, reported = KeyboardParser(), list[Message]()
    parser.callback = reported.append
    text = "\x1b[97;1:3u"
    found = [*parser.feed(text[:cut]), *parser.feed(text[cut:])]
    assert found == []
    assert isinstance(reported[0], KeyStroke) and (reported[0].key, reported[0].stroke) == ("a", "release")


@pytest.mark.parametrize(
    "text", ["\x1b[1:2:3;4:9u", "\x1b[;:3u", "\x1b[99999999;1:3u", "\x1b[1114112u", "\x1b[97;;1114112u"]
)
def test_invalid_sequences_do_not_stop_the_parser(text: str) -> None:
    parser = KeyboardParser()
    parser.callback = [].append
    list(parser.feed(text))
    assert [one.key for one in parser.feed("a") if isinstance(one, events.Key)][-1] == "a"


def test_key_names_of_textual_keys() -> None:
    names = {"A": "a", "shift+up": "up", "pageup": "page_up", "full_stop": "period", "ctrl+left": "left",
             "f5": "f5", "ä": None, "plus": None}  # fmt: skip
    assert {key: to_key_name(key) for key in names} == names
