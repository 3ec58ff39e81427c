"""Which of the key edges that are heard are our own: those that we were about to cause."""

import threading
from collections import Counter

from agp_tui.keys.state import KeyEdge, Keys, edges_between


class Ledger:
    """What we pressed and released, each ticked off when it is heard. For several threads.

    A virtual keyboard serves a person at a remote desktop as well as us, and does not say whom; a person
    at a keyboard of their own needs no ledger.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: Counter[tuple[str, bool]] = Counter()

    def expect(self, before: Keys, after: Keys) -> None:
        """We are about to go from one set of held keys to another."""
        with self._lock:
            self._expected.update((edge.key, edge.down) for edge in edges_between(before, after, 0, "agent"))

    def is_ours(self, edge: KeyEdge) -> bool:
        """Whether this is one of ours, which is then ticked off."""
        with self._lock:
            found = self._expected[edge.key, edge.down] > 0
            if found:
                self._expected[edge.key, edge.down] -= 1
            return found
