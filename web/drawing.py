"""Pages and their parts as HTML."""

import hashlib
import re
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.enums import Loop, Mode
from core.records.views import EntryView, PollView, RoomView
from core.types import Track
from web import names, sounding, words
from web.accent import accent
from web.assets import Assets
from web.languages import translations
from web.scenes import Scene
from web.waveform import letters

REGIONS = ("stage", "queue", "people")
"""The parts of a room's page that change while it is open; each is an element with that id."""
_SPACE = re.compile(r">\s+<")
_FOLDER = Path(__file__).parent / "templates"
_MARKS = {"discord", "telegram", "web"}


class Drawing:
    """Draws with one template environment for each language."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._environment = lru_cache(self._make)

    def region(self, name: str, locale: str, scene: Scene) -> str:
        """One of REGIONS."""
        return self.part(f"_{name}.html", locale, **_facts(scene))

    def part(self, template: str, locale: str, **facts: Any) -> str:
        """A fragment without idle white space."""
        return _SPACE.sub("><", self._environment(locale).get_template(template).render(**facts)).strip()

    def room(self, locale: str, scene: Scene, **facts: Any) -> str:
        """A room's whole page."""
        regions = {name: self.part(f"_{name}.html", locale, **_facts(scene), **facts) for name in REGIONS}
        return self.part("room.html", locale, regions=regions, **_facts(scene), **facts)

    def _make(self, locale: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
        )
        catalogue = translations(locale)
        cast("Any", environment).install_gettext_translations(catalogue, newstyle=True)
        plain: dict[str, Any] = {"accent": accent, "asset": self._assets.path, "clock": words.length}
        plain |= {"mark": _mark, "star": _star, "letters": letters}
        cast("dict[str, Any]", environment.globals).update(plain, locale=locale, **_worded(catalogue))
        return environment


def _facts(scene: Scene) -> dict[str, Any]:
    view = scene.view
    return {
        "scene": scene,
        "view": view,
        "now": view.current,
        "base": f"/r/{view.id}",
        "skip": next((poll for poll in view.polls if poll.kind == "skip"), None),
        "polls": [poll for poll in view.polls if poll.kind != "skip"],
    }


def _worded(catalogue: NullTranslations) -> dict[str, Any]:
    def why(entry: EntryView) -> str:
        return words.why(entry, catalogue)

    def wait(ms: int | None) -> str:
        return words.wait(ms, catalogue)

    def question(poll: PollView) -> str:
        return names.question(poll.kind, poll.argument, catalogue)

    def missing(poll: PollView) -> str:
        return words.missing(poll, catalogue)

    def mode(mode: Mode) -> tuple[str, str]:
        return names.mode(mode, catalogue), names.explained(mode, catalogue)

    def sound(view: RoomView) -> list[str]:
        return sounding.shown(view, catalogue)

    def loop(loop: Loop) -> str:
        return names.loop(loop, catalogue)

    def modes() -> list[tuple[Mode, str]]:
        return [(one, names.mode(one, catalogue)) for one in Mode]

    worded = (why, wait, question, missing, mode, modes, loop, sound)
    return {one.__name__: one for one in worded}


def _star(track: Track) -> str:
    """Tells whether a track is among one's favourites without telling others its address."""
    return hashlib.sha256(track.ref.encode()).hexdigest()[:12]


def _mark(place: str) -> str:
    """The symbol of where somebody comes from."""
    kind = place.partition(":")[0]
    return kind if kind in _MARKS else "web"
