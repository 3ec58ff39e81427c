"""What several screens share and what knows of the app: the bars around every screen, live views."""
