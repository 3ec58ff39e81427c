"""What terminals send for keys, as bytes: strokes for whoever asked, textual's own keys for all others."""

import pytest
from textual import events
from textual.message import Message

from agp_tui.ui.keyboard.kitty_parser import KeyboardParser, KeyStroke, ReleaseSupport, to_key_name


def heard(text: str, asked: bool = True) -> tuple[list[Message], list[str]]:
    """The strokes and answers told, and textual's keys, after these characters."""
    parser, told = KeyboardParser(), list[Message]()
    parser.tell = told.append if asked else None
    messages = list(parser.feed(text))
    return told, [message.key for message in messages if isinstance(message, events.Key)]


def strokes(text: str) -> list[tuple[str, str]]:
    return [(one.key, one.stroke) for one in heard(text)[0] if isinstance(one, KeyStroke)]


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
def test_a_sequence_of_the_protocol_is_a_stroke(text: str, expected: tuple[str, str]) -> None:
    assert strokes(text) == [expected]


def test_textual_has_presses_and_repeats_as_ever_and_no_releases() -> None:
    text = "\x1b[A\x1b[1;1:2A\x1b[1;1:3A\x1b[97;;97u\x1b[97;1:3u\x1b[113;5u\x1b[113;5:3u"
    assert heard(text)[1] == ["up", "up", "a", "ctrl+q"]
    told, keys = heard(text, asked=False)
    assert told == []
    assert keys == ["up", "up", "a", "ctrl+q"]


def test_keys_without_a_name_of_ours_are_no_strokes_but_keys_of_textuals() -> None:
    told, keys = heard("\x1b[228;;228u\x1b[228;1:3u")
    assert told == []
    assert len(keys) == 1


def test_what_was_read_elsewhere_is_read_as_before() -> None:
    parser = KeyboardParser()
    parser.tell = [].append
    found = list(parser.feed("x\x1b[<0;5;7M\x1b[I\x1b[200~paste\x1b[201~"))
    assert [type(one) for one in found] == [events.Key, events.MouseDown, events.AppFocus, events.Paste]


@pytest.mark.parametrize(
    ("answer", "told"),
    [("\x1b[?27u\x1b[?62;22c", True), ("\x1b[?25u\x1b[?62c", False), ("\x1b[?1;2c", False)],
)  # fmt: skip
def test_the_terminals_answer(answer: str, told: bool) -> None:
    messages, keys = heard(answer)
    assert [one.told for one in messages if isinstance(one, ReleaseSupport)] == [told]
    assert keys == []


def test_an_answer_that_nobody_waits_for_is_no_key() -> None:
    assert heard("\x1b[?27u\x1b[?62;22c", asked=False) == ([], [])


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_sequence_may_come_in_pieces(cut: int) -> None:
    parser, told = KeyboardParser(), list[Message]()
    parser.tell = told.append
    text = "\x1b[97;1:3u"
    found = [*parser.feed(text[:cut]), *parser.feed(text[cut:])]
    assert found == []
    assert isinstance(told[0], KeyStroke) and (told[0].key, told[0].stroke) == ("a", "release")


@pytest.mark.parametrize(
    "text", ["\x1b[1:2:3;4:9u", "\x1b[;:3u", "\x1b[99999999;1:3u", "\x1b[1114112u", "\x1b[97;;1114112u"]
)
def test_nonsense_ends_nothing(text: str) -> None:
    parser = KeyboardParser()
    parser.tell = [].append
    list(parser.feed(text))
    assert [one.key for one in parser.feed("a") if isinstance(one, events.Key)][-1] == "a"


def test_our_names_of_textuals_keys() -> None:
    names = {"A": "a", "shift+up": "up", "pageup": "page_up", "full_stop": "period", "ctrl+left": "left",
             "f5": "f5", "ä": None, "plus": None}  # fmt: skip
    assert {key: to_key_name(key) for key in names} == names
