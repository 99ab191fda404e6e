"""The Bicep of infra/, held to what can be known of it without Azure and without Microsoft's compiler."""
