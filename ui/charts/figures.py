"""plotly's kinds of figures, in one place and imported late: by the first chart that is drawn, or by nobody.

pandas comes first, and whole: plotly looks whether somebody has imported it, and would meet a half of it while another session
draws the process's first table.
"""

import pandas  # type: ignore[import-untyped]  # noqa: F401
from plotly.graph_objects import Bar, Figure, Heatmap, Scatter

__all__ = ["Bar", "Figure", "Heatmap", "Scatter"]
