"""The real-time loop: player, key gate, watchdog, intervention."""
