"""Tests of finding windows on a real X server, with and without a window manager."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from support.xserver import XServer
from Xlib import X, Xatom, display
from Xlib.xobject.drawable import Window as Drawable

from agp_tui.errors import DisplayError, JobFailed
from agp_tui.games.x_windows import XWindows

pytestmark = pytest.mark.display


@pytest.fixture
def client(server: XServer) -> Iterator[display.Display]:
    """A connection of a program that opens windows."""
    connection = display.Display(server.name)
    yield connection
    if connection.display.socket_error is None:
        connection.close()


def open_window(
    client: display.Display,
    box: tuple[int, int, int, int],
    title: str = "",
    *,
    parent: Drawable | None = None,
    popup: bool = False,
) -> Drawable:
    """A mapped window with class `Tool` and instance `tool`."""
    parent = parent or client.screen().root
    window = parent.create_window(*box, 0, X.CopyFromParent, override_redirect=popup)
    window.set_wm_class("tool", "Tool")
    window.set_wm_name("old title")
    window.change_property(
        client.intern_atom("_NET_WM_NAME"), client.intern_atom("UTF8_STRING"), 8, title.encode()
    )
    window.map()
    client.sync()
    return window


def test_windows_without_a_manager_are_those_on_the_screen(server: XServer, client: display.Display) -> None:
    game = open_window(client, (40, 30, 200, 100), "Schöner\x1b Titel")
    open_window(client, (0, 0, 4, 4), "helper")
    open_window(client, (50, 50, 80, 80), "menu", popup=True)
    hidden = open_window(client, (0, 300, 100, 100), "hidden")
    hidden.unmap()
    client.sync()
    with closing(XWindows(server.name)) as windows:
        (found,) = windows.windows()
        assert found.id == game.id and found.visible
        assert found.info.box == (40, 30, 200, 100)
        assert (found.info.title, found.info.class_name, found.info.instance) == (
            "Schöner  Titel", "Tool", "tool",
        )  # fmt: skip
        assert windows.at(45, 35) == found and windows.at(900, 700) is None
        game.configure(x=300, y=310, width=220)
        client.sync()
        assert windows.box(game.id) == (300, 310, 220, 100)
        game.destroy()
        client.sync()
        assert windows.box(game.id) is None and windows.top_level(game.id) is None
        (popup,) = windows.windows()
        assert popup.info.title == "menu", "a game may open its window as a popup, to be full-screen"


def test_window_in_a_decoration_is_the_one_of_the_program(server: XServer, client: display.Display) -> None:
    """As a window manager arranges it: a frame, in it the program's window with WM_STATE, and a list."""
    root = client.screen().root
    frame = root.create_window(100, 60, 320, 260, 0, X.CopyFromParent)
    frame.map()
    game = open_window(client, (10, 20, 300, 230), "Game", parent=frame)
    minimised = open_window(client, (0, 0, 50, 50), "Minimised")
    minimised.unmap()
    state = client.intern_atom("WM_STATE")
    game.change_property(state, state, 32, [1, 0])
    listed = client.intern_atom("_NET_CLIENT_LIST")
    root.change_property(listed, Xatom.WINDOW, 32, [game.id, minimised.id])
    game.set_input_focus(X.RevertToPointerRoot, X.CurrentTime)
    client.sync()
    with closing(XWindows(server.name)) as windows:
        first, second = windows.windows()
        assert first.info.box == (110, 80, 300, 230) and first.visible and not second.visible
        at = windows.at(105, 62)
        assert at is not None and at.id == game.id, "the decoration belongs to the program"
        assert windows.top_level(game.id) == frame.id == windows.top_level_with_focus()
        frame.configure(x=400)
        client.sync()
        assert windows.box(game.id) == (410, 80, 300, 230)


def test_lost_display_raises_error(server: XServer) -> None:
    with pytest.raises(DisplayError):
        XWindows(":987")
    with closing(XWindows(server.name)) as windows:
        server.kill()
        with pytest.raises(JobFailed, match="is gone"):
            windows.windows()
