"""The provider table, a module for each sort of provider; ``routing.backends`` puts it together."""
