"""Who signed in, and whether that still holds: rules and judgement. Draws nothing, sends nothing."""
