"""What processes say to each other: events, commands, requests, summaries. Imports no numpy."""
