"""Games: Atari games and regions of a screen. They give frames and take held keys."""
