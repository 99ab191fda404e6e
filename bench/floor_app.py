"""The yardstick of bench.pages beside the smallest app: the least that Streamlit takes to show so many figures, tables and
charts. `?kpis=4&tables=1&charts=2` says how many. No code of ours runs, and there is no menu, filter or word beside them.
"""

import gc

import plotly.graph_objects as go
import pyarrow as pa
import streamlit as st

POINTS, ROWS, COLUMNS = 60, 50, 8


@st.cache_resource
def freeze() -> None:
    gc.collect()
    gc.freeze()


def asked(name: str) -> int:
    return int(st.query_params.get(name, 0))


freeze()
st.write("# Floor")
if asked("kpis"):
    for number, column in enumerate(st.columns(asked("kpis"))):
        column.metric("Figure", number)
for number in range(asked("tables")):
    names = [f"column {place}" for place in range(COLUMNS)]
    st.dataframe(pa.table({name: [f"{row}" for row in range(ROWS)] for name in names}), key=f"table-{number}")
for number in range(asked("charts")):
    lines = [go.Scatter(y=[place % (number + line + 3) for place in range(POINTS)]) for line in range(2)]
    st.plotly_chart(go.Figure(lines), key=f"chart-{number}")
