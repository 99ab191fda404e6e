"""Local Azure: the Azure services that Relaydeck talks to, on one machine, behind the real wire protocols."""
