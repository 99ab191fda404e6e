"""The past, as Azure Monitor tells it: queries, their results, and traces put together from them."""
