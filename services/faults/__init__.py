"""The Fault desk: failures of Local Azure, switched on by name for a demonstration. There is none in Azure."""
