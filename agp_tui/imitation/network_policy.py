"""Play with a torch network directly, without exporting it: for games between two trainings."""

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agp_tui.games.base import Pixels
from agp_tui.models.frame_window import resize
from agp_tui.models.key_filter import UNFILTERED, KeyFilterConfig

if TYPE_CHECKING:
    from torch import Tensor

    from agp_tui.imitation.network import PolicyNetwork


class NetworkPolicy:
    """A `Policy` that runs a torch network in this process; encodes only the newest frame.

    The network is not copied and must be in evaluation mode. Several policies may share it across threads.
    """

    def __init__(
        self,
        network: "PolicyNetwork",
        keys: tuple[str, ...],
        thresholds: tuple[float, ...],
        fps: float,
        filter_config: KeyFilterConfig = UNFILTERED,
    ) -> None:
        self.keys = keys
        self.thresholds = np.array(thresholds, np.float32)
        self.filter_config = filter_config
        self.fps = fps
        self.segment = network.spec.segment
        self._network = network
        self._embeddings: deque[Tensor] = deque(maxlen=network.spec.embeddings)
        self._before: Tensor | None = None
        self.reset()

    def reset(self) -> None:
        """Fill the window with black frames."""
        side = self._network.spec.frame_size
        self._before = None
        black = self._encode(np.zeros((side, side, 3), np.uint8))
        self._embeddings.extend([black] * self.segment)

    def observe(self, pixels: Pixels) -> None:
        """Append the newest frame to the window: RGB of any size."""
        side = self._network.spec.frame_size
        self._embeddings.append(self._encode(resize(pixels, side, side)))

    def probabilities(self) -> NDArray[np.float32]:
        """Key probabilities (keys,), float32, for the current window."""
        import torch

        with torch.inference_mode():
            logits = self._network.decide(torch.stack(list(self._embeddings), dim=1))
            result: NDArray[np.float32] = torch.sigmoid(logits[0]).numpy()
        return result

    def decide(self, pixels: Pixels) -> NDArray[np.float32]:
        """Append the newest frame and return the key probabilities (keys,), float32."""
        self.observe(pixels)
        return self.probabilities()

    def _encode(self, pixels: Pixels) -> "Tensor":
        import torch

        frame = torch.from_numpy(np.ascontiguousarray(pixels))[None]
        if not self._network.spec.motion:
            before = None
        else:
            before, self._before = frame if self._before is None else self._before, frame
        with torch.inference_mode():
            return self._network.encode(frame, before)
