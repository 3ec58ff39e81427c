// Runs in a page before its own scripts: makes its random numbers repeatable, and reports the state of the game
// at each frame. A page script defines observeGame, which returns the state, or null before there is one.

const PAUSE_AFTER_GAME = 1000;
// Number of games that a page counts by reloading: window.name survives it.
const gamesBefore = Number(window.name || 0);

{
  let state = (SUITE_SEED + 7919 * gamesBefore) >>> 0;
  // Mulberry32.
  Math.random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };

  // Time and frames stand still from suiteFreeze() to suiteResume().
  const clock = performance.now.bind(performance);
  const date = Date.now;
  const nextFrame = requestAnimationFrame.bind(window);
  const waiting = [];
  let frozenAt = null;
  let lost = 0;
  const frozenFor = () => lost + (frozenAt === null ? 0 : clock() - frozenAt);
  performance.now = () => clock() - frozenFor();
  Date.now = () => Math.round(date() - frozenFor());
  window.requestAnimationFrame = (callback) => {
    if (frozenAt === null) return nextFrame((time) => callback(time - lost));
    waiting.push(callback);
    return 0;
  };
  window.suiteFreeze = () => {
    frozenAt ??= clock();
  };
  window.suiteResume = () => {
    lost = frozenFor();
    frozenAt = null;
    for (const callback of waiting.splice(0)) requestAnimationFrame(callback);
  };

  const report = () => {
    const observed = observeGame();
    if (observed) reportState(JSON.stringify(observed));
    requestAnimationFrame(report);
  };
  requestAnimationFrame(report);
}

// Calls start, once, PAUSE_AFTER_GAME after isOver became true.
let overSince = null;
function startAgain(isOver, start) {
  if (!isOver) {
    overSince = null;
  } else if (overSince === null) {
    overSince = performance.now();
  } else if (performance.now() - overSince > PAUSE_AFTER_GAME) {
    overSince = null;
    start();
  }
}

function nextGameByReload() {
  window.name = String(gamesBefore + 1);
  location.reload();
}
