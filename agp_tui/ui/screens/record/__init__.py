"""Record screen: choose a region, record, keep or discard."""
