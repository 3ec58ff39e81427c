"""The settings of agents that learn Atari games from pixels."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from agp_tui.config.types import Count, Fraction, Words

Algorithm = Literal["pqn", "ppo", "dqn", "monte_carlo"]


@dataclass(frozen=True, kw_only=True)
class AtariSettings:
    """Training an agent on an Atari game, from pixels. What is left open has the algorithm's own value."""

    game: str = "ALE/Pong-v5"
    """The Atari game, such as ALE/Breakout-v5; agp atari list shows them all."""

    algorithm: Algorithm = "pqn"
    """How it learns: pqn (parallel Q(lambda)), ppo (proximal policy optimisation), dqn (double Q-learning
    with replay), monte_carlo (whole games, epsilon-greedy, residual network)."""

    minutes: Annotated[float, Meta(gt=0)] | None = None
    """Stop after so many minutes; 60 where neither this nor `steps` nor `tries` is given."""

    steps: Count | None = None
    """Stop after so many decisions, in all consoles together."""

    tries: Count | None = None
    """Stop after so many games (episodes)."""

    render: bool = True
    """Show a game live while it trains."""

    record_tries: Annotated[int, Meta(ge=0)] = 0
    """Games of each evaluation that are recorded as mp4, with score, preferences and value beside them."""

    save_best_as: str | None = None
    """Name under which the agent with the best evaluation is kept among the models."""

    load_model: str | None = None
    """Play with this agent (a checkpoint, a run or a name) instead of training one."""

    resume: str | None = None
    """Go on with this run instead of starting one."""

    from_model: str | None = None
    """Start from the weights of this agent instead of from nothing."""

    from_recordings: Words = ()
    """Start by learning from recordings of the game, by their paths or stamps; all takes every one."""

    clone_minutes: Annotated[float, Meta(gt=0)] = 2.0
    """Minutes of learning from recordings, where there are any; they do not count as training."""

    learning_rate: Annotated[float, Meta(gt=0.0, le=1.0)] | None = None
    """Step size of the optimizer at the beginning; it falls to 0 over the run, but not with monte_carlo."""

    frame_count: Annotated[int, Meta(ge=1, le=16)] = 4
    """How many frames the agent sees at once (frame stack)."""

    discount: Fraction = 0.99
    """What a reward one step later is worth (gamma)."""

    choose_random: Fraction | None = None
    """Share of actions taken by chance at the beginning (epsilon); the least from the start where a training
    does not begin from nothing."""

    choose_random_min: Fraction | None = None
    """The share by chance does not fall below this (final epsilon)."""

    choose_random_decay: Fraction | None = None
    """The share by chance is multiplied by this after each game."""

    skip_frames: Annotated[int, Meta(ge=1, le=60)] = 4
    """Frames of the console for each decision (frame skip). This is the real number: ids that end in v5
    skip 4 by themselves elsewhere, here only this setting skips."""

    batch_size: Count | None = None
    """Steps in one update of the weights (minibatch), over all processes together."""

    randomize_episode_batches: bool = True
    """Shuffle the steps before they are cut into batches; otherwise they are in the order of play."""

    loss_function: Literal["huber", "mse", "mae"] | None = None
    """How far a value is off: huber (smooth L1), mse (squares) or mae (absolute)."""

    optimizer: Literal["adam", "adamw", "radam", "rmsprop", "sgd"] | None = None
    """What turns gradients into steps."""

    hidden_layers: Annotated[int, Meta(ge=0, le=8)] | None = None
    """Linear layers between the convolutions and the output."""

    no_score_penalty: Annotated[float, Meta(ge=0.0, le=100.0)] = 0.0
    """Taken from the reward of each step that brought no score."""

    clip_rewards: bool | None = None
    """Learn from rewards cut to -1 to 1, so that one size of numbers fits all games."""

    protocol: Literal["sticky", "classic"] = "sticky"
    """sticky: the console repeats its last action with probability 0.25 (Machado et al. 2018), the usual
    way to report; classic: it never does, as in tables before 2018. Never compare scores of the two."""

    environments: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """Consoles that play at once in each process."""

    workers: Annotated[int, Meta(ge=1, le=256)] | None = None
    """Processes that play and learn together, their gradients averaged; as many as cores otherwise,
    and one on a GPU."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic; auto measures both for a moment and takes the faster one."""

    evaluate_minutes: Annotated[float, Meta(gt=0)] = 5.0
    """Minutes between two evaluations, which run beside the training."""

    evaluate_games: Count = 10
    """Games of one evaluation."""

    final_games: Count = 30
    """Games by which the best agent is judged once more at the end."""

    save_seconds: Annotated[float, Meta(ge=0.0)] = 60.0
    """Seconds between two checkpoints, at least; a crash costs as much."""

    seed: int = 0
    """Where all randomness starts."""
