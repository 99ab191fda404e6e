"""The Azure seam: everything Relaydeck knows about Foundry, Storage and Azure Monitor. No Streamlit in here."""
