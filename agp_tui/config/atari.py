"""Settings of agents that learn Atari games from pixels."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from agp_tui.config.types import Count, Fraction, Words

Algorithm = Literal["pqn", "ppo", "dqn", "monte_carlo"]


@dataclass(frozen=True, kw_only=True)
class AtariSettings:
    """Atari: train an agent from pixels. Unset values take the default of the algorithm."""

    game: str = "ALE/Pong-v5"
    """Atari game, such as ALE/Breakout-v5; agp atari list shows all of them."""

    algorithm: Algorithm = "pqn"
    """Learning algorithm: pqn (parallel Q(lambda)), ppo (proximal policy optimization), dqn (n-step double
    DQN with replay), monte_carlo (returns of whole episodes, epsilon-greedy, residual network)."""

    minutes: Annotated[float, Meta(gt=0)] | None = None
    """Stop after this many minutes. Default: 60 if neither `steps` nor `tries` is set."""

    steps: Count | None = None
    """Stop after this many decisions (environment steps), summed over all environments."""

    tries: Count | None = None
    """Stop after this many episodes."""

    render: bool = True
    """Show a live episode during training."""

    record_tries: Annotated[int, Meta(ge=0)] = 0
    """Episodes of each evaluation to record as mp4, with score, action preferences and value."""

    save_best_as: str | None = None
    """Name under which the agent with the best evaluation is saved among the models."""

    load_model: str | None = None
    """Play with this agent (a checkpoint, a run or a saved name) instead of training one."""

    resume: str | None = None
    """Resume this run instead of starting a new one."""

    from_model: str | None = None
    """Initialize the network with the weights of this agent."""

    from_recordings: Words = ()
    """Pretrain on these recordings of the game (paths or time stamps); all takes all of them."""

    clone_minutes: Annotated[float, Meta(gt=0)] = 2.0
    """Minutes of pretraining on recordings; they do not count towards `minutes`."""

    learning_rate: Annotated[float, Meta(gt=0.0, le=1.0)] | None = None
    """Initial learning rate; it decays linearly to 0 over the run, except with monte_carlo."""

    frame_count: Annotated[int, Meta(ge=1, le=16)] = 4
    """Number of stacked frames in an observation (frame stack)."""

    discount: Fraction = 0.99
    """Discount factor of future rewards (gamma)."""

    choose_random: Fraction | None = None
    """Initial probability of a random action (epsilon). A training that starts from weights begins with
    the final value."""

    choose_random_min: Fraction | None = None
    """Minimum probability of a random action (final epsilon)."""

    choose_random_decay: Fraction | None = None
    """Factor by which epsilon is multiplied after each episode (epsilon decay)."""

    skip_frames: Annotated[int, Meta(ge=1, le=60)] = 4
    """Emulator frames per decision (frame skip). The only frame skip in effect: the built-in one of ids that
    end in v5 is disabled."""

    batch_size: Count | None = None
    """Minibatch size: steps per weight update, summed over all processes."""

    randomize_episode_batches: bool = True
    """Shuffle steps before they are split into minibatches; otherwise they stay in the order of play."""

    loss_function: Literal["huber", "mse", "mae"] | None = None
    """Value loss: huber (smooth L1), mse (squared error) or mae (absolute error)."""

    optimizer: Literal["adam", "adamw", "radam", "rmsprop", "sgd"] | None = None
    """Optimizer."""

    hidden_layers: Annotated[int, Meta(ge=0, le=8)] | None = None
    """Number of hidden linear layers between the convolutions and the output."""

    no_score_penalty: Annotated[float, Meta(ge=0.0, le=100.0)] = 0.0
    """Penalty subtracted from the reward of each step without a score."""

    clip_rewards: bool | None = None
    """Clip rewards to [-1, 1] for learning, so that the same hyperparameters fit all games."""

    protocol: Literal["sticky", "classic"] = "sticky"
    """Evaluation protocol: sticky, sticky actions with probability 0.25 (Machado et al. 2018), the standard;
    classic, no sticky actions, as in results before 2018. Scores of the two are not comparable."""

    environments: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """Parallel environments in each process (num_envs)."""

    workers: Annotated[int, Meta(ge=1, le=256)] | None = None
    """Data-parallel processes, which average their gradients. Default: one per core, and one on a GPU."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Floating-point format of training; auto measures both briefly and takes the faster one."""

    evaluate_minutes: Annotated[float, Meta(gt=0)] = 5.0
    """Minutes between two evaluations, which run in parallel with training."""

    evaluate_games: Count = 10
    """Episodes per evaluation."""

    final_games: Count = 30
    """Episodes of the final evaluation of the best agent."""

    save_seconds: Annotated[float, Meta(ge=0.0)] = 60.0
    """Minimum seconds between two checkpoints; a crash loses at most this much."""

    seed: int = 0
    """Random seed."""
