"""The yardstick of bench.click: the smallest Streamlit app with something to press, its garbage frozen."""

import gc

import streamlit as st


@st.cache_resource
def freeze() -> None:
    gc.collect()
    gc.freeze()


def press() -> None:
    st.session_state["pressed"] = st.session_state.get("pressed", 0) + 1


freeze()
st.button("Press", key="press", on_click=press)
st.write(f"Pressed {st.session_state.get('pressed', 0)} times")
