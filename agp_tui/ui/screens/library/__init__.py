"""The library screen: recordings listed, replayed, checked, exported."""
