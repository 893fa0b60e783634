"""The client side of playback: nodes, players, voice, the library, media."""
