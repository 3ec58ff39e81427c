"""`agp bench`: the product's own benchmarks, each against the plain way in the same run."""

from cyclopts import App

app = App(name="bench", help="Benchmarks: ours against the plain way, in the same run.")
