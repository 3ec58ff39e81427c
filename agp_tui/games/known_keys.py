"""The keys of the known Atari games, written down: asking the console takes a third of a second for each.

A game that is not here is asked about. The test of this module asks the console.
"""

from agp_tui.games.atari import default_keys
from agp_tui.games.names import ATARI_PREFIX

KEYS = {
    "up left right down space": """
        Adventure Alien Amidar Asteroids BankHeist BasicMath BattleZone Berzerk Boxing Centipede
        ChopperCommand Crossbow Darkchambers Defender DonkeyKong DoubleDunk Earthworld ElevatorAction
        Entombed Et FishingDerby FlagCapture Frostbite Gravitar Hangman HauntedHouse Hero
        HumanCannonball IceHockey Jamesbond JourneyEscape Kangaroo KeystoneKapers KingKong Klax Krull
        KungFuMaster LaserGates MarioBros MiniatureGolf MontezumaRevenge MrDo Othello Pitfall Pitfall2
        PrivateEye Qbert Riverraid RoadRunner Robotank Seaquest Solaris SpaceWar StarGunner Superman
        Tennis TicTacToe3D TimePilot Trondead Turmoil Tutankham Venture VideoCheckers VideoChess
        VideoCube VideoPinball WizardOfWor WordZapper YarsRevenge Zaxxon
    """,
    "left right space": """
        AirRaid Atlantis Atlantis2 Backgammon Breakout Carnival DemonAttack Galaxian Kaboom NameThisGame
        SirLancelot SpaceInvaders
    """,
    "up left right down": """
        Asterix CrazyClimber Frogger Koolaid LostLuggage MsPacman Pacman Surround
    """,
    "up down space": """
        Blackjack Bowling Casino Pooyan UpNDown
    """,
    "up left right space": """
        Assault BeamRider Gopher
    """,
    "left right down space": """
        Enduro Phoenix Tetris
    """,
    "up down": """
        Freeway Pong
    """,
    "left right": """
        Skiing
    """,
}
"""Names of games by the keys that do something in them."""


def known_keys(game_id: str) -> tuple[str, ...]:
    """The same as `default_keys`, at once for every game that is written down here."""
    name = game_id.removeprefix(ATARI_PREFIX).removesuffix("-v5")
    for keys, games in KEYS.items():
        if name in games.split():
            return tuple(keys.split())
    return default_keys(game_id)
