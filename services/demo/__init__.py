"""Something to see before anybody has asked: questions to show, and a day of history that never happened and says so."""
