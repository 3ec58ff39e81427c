"""The minimal action sets of the Atari games as a table, because loading a ROM takes a third of a second.

The emulator is used for a game that is not in the table.
"""

from agp_tui.games.atari import keys_for_actions, minimal_actions
from agp_tui.games.ids import short_name

ACTIONS = {
    (
        "NOOP FIRE UP RIGHT LEFT DOWN UPRIGHT UPLEFT DOWNRIGHT DOWNLEFT UPFIRE RIGHTFIRE LEFTFIRE "
        "DOWNFIRE UPRIGHTFIRE UPLEFTFIRE DOWNRIGHTFIRE DOWNLEFTFIRE"
    ): """
        Adventure Alien BankHeist BattleZone Berzerk Boxing Centipede ChopperCommand Crossbow
        Darkchambers Defender DonkeyKong DoubleDunk Earthworld ElevatorAction Entombed Et FishingDerby
        FlagCapture Frostbite Gravitar Hangman HauntedHouse Hero HumanCannonball IceHockey Jamesbond
        Kangaroo Klax Krull LaserGates MarioBros MiniatureGolf MontezumaRevenge Pitfall Pitfall2
        PrivateEye Riverraid RoadRunner Robotank Seaquest Solaris SpaceWar StarGunner Superman Tennis
        Trondead Venture VideoCube WordZapper YarsRevenge Zaxxon
    """,
    "NOOP FIRE RIGHT LEFT RIGHTFIRE LEFTFIRE": """
        AirRaid Carnival DemonAttack Galaxian NameThisGame Pong SirLancelot SpaceInvaders
    """,
    "NOOP UP RIGHT LEFT DOWN UPRIGHT UPLEFT DOWNRIGHT DOWNLEFT": """
        Asterix CrazyClimber Koolaid LostLuggage MsPacman
    """,
    "NOOP FIRE UP RIGHT LEFT DOWN UPFIRE RIGHTFIRE LEFTFIRE DOWNFIRE": "Amidar MrDo TimePilot WizardOfWor",
    "NOOP FIRE UP RIGHT LEFT DOWN UPRIGHT UPLEFT DOWNRIGHT DOWNLEFT": "Othello TicTacToe3D VideoChess",
    "NOOP FIRE UP RIGHT LEFT DOWN": "BasicMath KingKong Qbert",
    "NOOP FIRE UP DOWN UPFIRE DOWNFIRE": "Bowling Pooyan UpNDown",
    "NOOP UP RIGHT LEFT DOWN": "Frogger Pacman Surround",
    "NOOP FIRE RIGHTFIRE LEFTFIRE": "Atlantis Atlantis2",
    "NOOP FIRE UP DOWN": "Blackjack Casino",
    "NOOP FIRE RIGHT LEFT": "Breakout Kaboom",
    (
        "NOOP UP RIGHT LEFT DOWN UPRIGHT UPLEFT DOWNRIGHT DOWNLEFT RIGHTFIRE LEFTFIRE DOWNFIRE "
        "UPRIGHTFIRE UPLEFTFIRE DOWNRIGHTFIRE DOWNLEFTFIRE"
    ): "JourneyEscape",
    (
        "NOOP FIRE UP RIGHT LEFT DOWN UPRIGHT UPLEFT UPFIRE RIGHTFIRE LEFTFIRE DOWNFIRE UPRIGHTFIRE "
        "UPLEFTFIRE"
    ): "Asteroids",
    (
        "NOOP FIRE UP RIGHT LEFT DOWN UPRIGHT UPLEFT DOWNRIGHT DOWNLEFT UPFIRE RIGHTFIRE LEFTFIRE DOWNFIRE"
    ): "KeystoneKapers",
    (
        "NOOP UP RIGHT LEFT DOWN DOWNRIGHT DOWNLEFT RIGHTFIRE LEFTFIRE DOWNFIRE UPRIGHTFIRE UPLEFTFIRE "
        "DOWNRIGHTFIRE DOWNLEFTFIRE"
    ): "KungFuMaster",
    "NOOP FIRE UP RIGHT LEFT DOWN UPRIGHT UPLEFT DOWNRIGHT DOWNLEFT RIGHTFIRE LEFTFIRE": "Turmoil",
    "NOOP FIRE UP RIGHT LEFT UPRIGHT UPLEFT RIGHTFIRE LEFTFIRE": "BeamRider",
    "NOOP FIRE RIGHT LEFT DOWN DOWNRIGHT DOWNLEFT RIGHTFIRE LEFTFIRE": "Enduro",
    "NOOP FIRE UP RIGHT LEFT DOWN UPFIRE RIGHTFIRE LEFTFIRE": "VideoPinball",
    "NOOP FIRE UP RIGHT LEFT UPFIRE RIGHTFIRE LEFTFIRE": "Gopher",
    "NOOP FIRE RIGHT LEFT DOWN RIGHTFIRE LEFTFIRE DOWNFIRE": "Phoenix",
    "NOOP UP RIGHT LEFT DOWN UPFIRE RIGHTFIRE LEFTFIRE": "Tutankham",
    "NOOP FIRE UP RIGHT LEFT RIGHTFIRE LEFTFIRE": "Assault",
    "NOOP FIRE RIGHT LEFT DOWN": "Tetris",
    "FIRE UPRIGHT UPLEFT DOWNRIGHT DOWNLEFT": "VideoCheckers",
    "FIRE RIGHT LEFT": "Backgammon",
    "NOOP UP DOWN": "Freeway",
    "NOOP RIGHT LEFT": "Skiing",
}
"""Games by their minimal action set."""


def known_actions(game_id: str) -> tuple[str, ...]:
    """As `minimal_actions`, without loading the ROM of a game in the table."""
    name = short_name(game_id)
    for actions, games in ACTIONS.items():
        if name in games.split():
            return tuple(actions.split())
    return minimal_actions(game_id)


def known_keys(game_id: str) -> tuple[str, ...]:
    """As `default_keys`, without loading the ROM of a game in the table."""
    return keys_for_actions(game_id, known_actions(game_id))
