"""Doctor: everything that must be right for a question to be answered, looked at one by one, with what to do."""
