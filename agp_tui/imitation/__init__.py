"""From recordings to a policy: windows, network, training, evaluation, export, practice."""
