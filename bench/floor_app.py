"""The yardsticks of bench.pages beside the smallest app: the least that a page with a table, or with two charts, can take.

`?show=table`: four figures and a table. `?show=charts`: two charts of plotly with two lines each. No code of ours runs.
"""

import gc

import plotly.graph_objects as go
import pyarrow as pa
import streamlit as st

POINTS = 60


@st.cache_resource
def freeze() -> None:
    gc.collect()
    gc.freeze()


freeze()
st.write("# Floor")
if st.query_params.get("show") == "charts":
    for number in range(2):
        lines = [go.Scatter(y=[place % (number + line + 3) for place in range(POINTS)]) for line in range(2)]
        st.plotly_chart(go.Figure(lines), key=f"chart-{number}")
else:
    for column, value in zip(st.columns(4), range(4), strict=True):
        column.metric("Figure", value)
    st.dataframe(pa.table({"number": list(range(100)), "text": [str(one) for one in range(100)]}))
