"""Where rooms, places and people are kept: SQLite or PostgreSQL."""
