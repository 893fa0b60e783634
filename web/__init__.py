"""The page: rooms in a browser, live, with their sound."""
