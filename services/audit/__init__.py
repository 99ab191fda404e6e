"""Who did what, when, on what, and how it ended: put on record before and after, chained, checked."""
