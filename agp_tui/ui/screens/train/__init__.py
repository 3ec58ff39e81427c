"""Train screen: data, settings, curves and result of a training."""
