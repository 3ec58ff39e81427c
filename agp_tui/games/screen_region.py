"""The region of the screen that shows the game."""

from dataclasses import dataclass

from agp_tui.config import GameSettings
from agp_tui.errors import DisplayError, SettingError
from agp_tui.games.view import Box


@dataclass(frozen=True, slots=True)
class ScreenRegion:
    """A rectangle in pixels of the root window, which spans all monitors."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def of(cls, settings: GameSettings) -> "ScreenRegion":
        """The region of the settings. Raises `SettingError` if they name none."""
        if settings.region is not None:
            left, top, width, height = settings.region
            if width < 1 or height < 1:
                raise SettingError(
                    f"Expected a region with a width and a height, found {width}x{height}.",
                    "Give --region X,Y,WIDTH,HEIGHT.",
                )
            return cls(left, top, width, height)
        if settings.center is None:
            raise SettingError(
                "Expected --center or --region, the position of the game on the screen; found neither.",
                "Give --center X,Y, or click on the game when asked.",
            )
        x, y = settings.center
        return cls(x - settings.size // 2, y - settings.size // 2, settings.size, settings.size)

    @property
    def box(self) -> Box:
        """X, y, width, height."""
        return self.left, self.top, self.width, self.height

    @property
    def middle(self) -> tuple[int, int]:
        return self.left + self.width // 2, self.top + self.height // 2

    def on(self, screen: "ScreenRegion", display: str) -> "ScreenRegion":
        """The part on the screen. Raises `DisplayError` if there is none."""
        left, top = max(self.left, screen.left), max(self.top, screen.top)
        right = min(self.left + self.width, screen.left + screen.width)
        bottom = min(self.top + self.height, screen.top + screen.height)
        if right <= left or bottom <= top:
            raise DisplayError(
                f"Expected a region on {display or 'this desktop'}, {screen.width}x{screen.height}, "
                f"found one of {self.width}x{self.height} at {self.left},{self.top}.",
                "Choose another --center or --region.",
            )
        return ScreenRegion(left, top, right - left, bottom - top)
