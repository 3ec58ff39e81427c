"""What can be played: anything that gives frames and takes held keys."""
