"""The pages: a module for each group, with a blueprint; ``app`` lists them."""
