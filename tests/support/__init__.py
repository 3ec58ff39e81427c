"""What several tests use: X servers and game windows of their own."""
