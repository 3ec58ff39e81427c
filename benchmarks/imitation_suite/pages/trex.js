// Chrome's runner. Its score here: obstacles that it has left behind.

let cleared = 0;
let clearedIn = 0;

function pressJump() {
  for (const type of ["keydown", "keyup"]) document.dispatchEvent(new KeyboardEvent(type, { keyCode: 38 }));
}

function observeGame() {
  const runner = window.runner;
  if (!runner) return null;
  // The first jump starts the game.
  if (!runner.started && !runner.tRex.jumping) pressJump();
  startAgain(runner.crashed, () => runner.restart());
  if (runner.playCount !== clearedIn) {
    clearedIn = runner.playCount;
    cleared = 0;
  }
  const { tRex } = runner;
  for (const obstacle of runner.horizon.obstacles) {
    if (!runner.crashed && !obstacle.cleared && obstacle.xPos + obstacle.width < tRex.xPos) {
      obstacle.cleared = true;
      cleared += 1;
    }
  }
  return {
    game: runner.playCount,
    playing: runner.started && !runner.playingIntro && !runner.crashed,
    score: cleared,
    speed: runner.currentSpeed,
    left: tRex.xPos,
    height: tRex.groundYPos - tRex.yPos,
    rise: tRex.jumping ? -tRex.jumpVelocity : 0,
    jumping: tRex.jumping,
    obstacles: runner.horizon.obstacles.map((one) => [one.xPos, one.width, one.yPos, one.speedOffset || 0]),
  };
}
