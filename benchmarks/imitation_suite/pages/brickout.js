// The Breakout of planck-js. Its score here: how often the paddle returned a ball.

let testbed = null;
let world = null;
let status = "";
let returned = 0;
let started = false;

// The page calls planck.testbed(name, start); start(testbed) returns the world.
function observeTestbed(planck) {
  const open = planck.testbed;
  planck.testbed = (name, start) =>
    open(name, (opened) => {
      testbed = opened;
      testbed._status = (text) => {
        status = text;
      };
      world = start(testbed);
      world.on("begin-contact", (contact) => {
        const bodies = [contact.getFixtureA().getBody(), contact.getFixtureB().getBody()];
        if (bodies.some((body) => body.isBall) && bodies.some((body) => body.isPaddle)) returned += 1;
      });
      testbed.resume();
      return world;
    });
}

function fire() {
  testbed.activeKeys.fire = true;
  testbed.keydown();
  testbed.activeKeys.fire = false;
}

function observeGame() {
  if (!world) return null;
  if (!started) {
    started = true;
    fire();
  }
  const isOver = status === "Gameover!";
  startAgain(isOver, nextGameByReload);
  const state = {
    game: gamesBefore,
    playing: !isOver,
    score: returned,
    paddle: 0,
    reach: 0,
    balls: [],
  };
  for (let body = world.getBodyList(); body; body = body.getNext()) {
    const { x, y } = body.getPosition();
    const velocity = body.getLinearVelocity();
    if (body.isPaddle) {
      state.paddle = x;
      state.reach = body.paddleWidth / 2;
    } else if (body.isBall) {
      state.balls.push([x, y, velocity.x, velocity.y]);
    }
  }
  return state;
}
