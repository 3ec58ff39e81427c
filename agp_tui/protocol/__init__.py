"""Messages between processes: events, commands, requests, results, summaries. Imports no numpy."""
