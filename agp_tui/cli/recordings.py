"""`agp recordings`: what has been recorded."""

from cyclopts import App

app = App(name="recordings", help="Recordings: list, info, check, repair, import, export, delete.")
