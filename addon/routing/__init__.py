"""Who answers: settings, the provider table, facts of models, and the choice itself."""
