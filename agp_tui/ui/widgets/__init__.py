"""What the screens are drawn with: plain widgets that get events or numbers and know nothing of jobs."""
