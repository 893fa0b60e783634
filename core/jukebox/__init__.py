"""What people do. Every surface calls these methods, so a rule exists once."""

from core.jukebox.controls import Controls
from core.jukebox.editing import Editing
from core.jukebox.looking import Looking
from core.jukebox.shelf import Shelf
from core.jukebox.sound import Sound
from core.jukebox.stewardship import Stewardship


class Jukebox(Shelf, Editing, Controls, Sound, Stewardship, Looking):
    """All commands of people, split by noun."""
