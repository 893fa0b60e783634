"""Chorus in Discord: slash commands, buttons, the live message, and who is in voice."""
