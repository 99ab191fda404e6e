"""What nobody may do: each shown to have no effect."""
