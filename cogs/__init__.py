"""The chat surfaces, one folder each. Handlers only translate: no rule lives here."""
