"""Discord's limits on message bodies: what it would refuse, is refused here and fails the test.

Sources: discord-api-docs, resources/message.md and components/reference.md (2026-08).
"""

from collections.abc import Iterator
from typing import Any

from tests.simulators.discord.errors import ApiError, bad_body

Json = dict[str, Any]

EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15
SENDABLE_FLAGS = (1 << 2) | EPHEMERAL | (1 << 12) | COMPONENTS_V2

MESSAGE_KEYS = {
    "content", "nonce", "tts", "embeds", "allowed_mentions", "message_reference", "components", "sticker_ids",
    "attachments", "flags", "enforce_nonce", "poll",
}  # fmt: skip
EMBED_KEYS = {
    "title", "type", "description", "url", "timestamp", "color", "footer", "image", "thumbnail", "video", "provider",
    "author", "fields", "flags",
}  # fmt: skip
EMBED_LIMITS = {"title": 256, "description": 4096, "footer.text": 2048, "author.name": 256}
ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
SELECTS = {3, 5, 6, 7, 8}
LINK, PREMIUM = 5, 6
V2_TYPES = {9, 10, 11, 12, 13, 14, 17}


def check_message(body: Json, *, edit: bool = False, files: int = 0) -> None:
    """Raise ApiError unless Discord would take this message (or edit)."""
    if unknown := set(body) - MESSAGE_KEYS:
        raise bad_body(min(unknown), "unknown key")
    v2 = bool((body.get("flags") or 0) & COMPONENTS_V2)
    _check_types(body)
    _check_length("content", body.get("content"), 2000)
    _check_embeds(body.get("embeds") or [])
    check_components(body.get("components") or [], v2=v2)
    _check_mentions(body.get("allowed_mentions") or {})
    if v2 and (body.get("content") or body.get("embeds")):
        raise bad_body("content", "content and embeds cannot be used with components v2")
    shown = ("content", "embeds", "sticker_ids", "poll", *(("components",) if v2 else ()))
    if not edit and not files and not any(body.get(key) for key in shown):
        raise ApiError(400, 50006, "Cannot send an empty message", mistake=True)


def _check_types(body: Json) -> None:
    kinds: dict[str, type | tuple[type, ...]] = {
        "content": str, "tts": bool, "embeds": list, "components": list, "allowed_mentions": dict,
        "attachments": list, "flags": int, "nonce": (str, int),
    }  # fmt: skip
    for key, kind in kinds.items():
        value = body.get(key)
        if value is not None and not isinstance(value, kind):
            raise bad_body(key, f"{value!r} is not of type {kind}")
    if (body.get("flags") or 0) & ~SENDABLE_FLAGS:
        raise bad_body("flags", f"{body['flags']} cannot be set by a bot")


def _check_length(where: str, value: str | None, longest: int, shortest: int = 0) -> None:
    if value is not None and not shortest <= len(value) <= longest:
        raise bad_body(where, f"Must be between {shortest} and {longest} in length, is {len(value)}.")


def _check_embeds(embeds: list[Json]) -> None:
    if len(embeds) > 10:
        raise bad_body("embeds", "Must be 10 or fewer in length.")
    if sum(_embed_length(embed) for embed in embeds) > 6000:
        raise bad_body("embeds", "Embed size exceeds maximum size of 6000")
    for number, embed in enumerate(embeds):
        if unknown := set(embed) - EMBED_KEYS:
            raise bad_body(f"embeds.{number}.{min(unknown)}", "unknown key")
        for path, longest in EMBED_LIMITS.items():
            _check_length(f"embeds.{number}.{path}", _at(embed, path), longest)
        _check_fields(f"embeds.{number}", embed.get("fields") or [])
        for path in ("url", "image.url", "thumbnail.url", "author.url", "author.icon_url", "footer.icon_url"):
            _check_url(f"embeds.{number}.{path}", _at(embed, path))


def _check_fields(where: str, fields: list[Json]) -> None:
    if len(fields) > 25:
        raise bad_body(f"{where}.fields", "Must be 25 or fewer in length.")
    for number, field in enumerate(fields):
        _check_length(f"{where}.fields.{number}.name", field["name"], 256, 1)
        _check_length(f"{where}.fields.{number}.value", field["value"], 1024, 1)


def _check_url(where: str, value: str | None) -> None:
    if value is not None and not value.startswith(("http://", "https://", "attachment://")):
        raise bad_body(where, f"Not a well formed URL: {value!r}")


def _at(embed: Json, path: str) -> Any:
    value: Any = embed
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _embed_length(embed: Json) -> int:
    texts = [_at(embed, path) for path in EMBED_LIMITS]
    texts += [field[key] for field in embed.get("fields") or [] for key in ("name", "value")]
    return sum(len(text) for text in texts if text)


def _check_mentions(allowed: Json) -> None:
    if unknown := set(allowed) - {"parse", "roles", "users", "replied_user"}:
        raise bad_body(f"allowed_mentions.{min(unknown)}", "unknown key")
    for kind in ("users", "roles"):
        if kind in (allowed.get("parse") or []) and allowed.get(kind):
            raise bad_body("allowed_mentions", f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.')


def check_components(components: list[Json], *, v2: bool = False) -> None:
    """Raise ApiError unless these are at most 5 rows (or a components v2 tree of at most 40)."""
    everything = list(walk(components))
    if len(components) > 5 and not v2:
        raise bad_body("components", "Must be between 1 and 5 in length.")
    if len(everything) > 40:
        raise bad_body("components", "The total number of components cannot exceed 40")
    for component in components:
        if component["type"] != ROW and not (v2 and component["type"] in V2_TYPES):
            raise bad_body("components", f"type {component['type']} cannot stand here")
    custom_ids = [c["custom_id"] for c in everything if c.get("custom_id")]
    if doubled := {c for c in custom_ids if custom_ids.count(c) > 1}:
        raise bad_body("components", f"Component custom id cannot be duplicated: {min(doubled)}")
    for component in everything:
        _check_component(component)


def walk(components: list[Json]) -> Iterator[Json]:
    """All components of a tree, depth first."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        if accessory := component.get("accessory"):
            yield from walk([accessory])


def _check_component(component: Json) -> None:
    kind = component["type"]
    if kind == ROW:
        children = component.get("components") or []
        if not 1 <= len(children) <= 5 or (any(c["type"] in SELECTS for c in children) and len(children) > 1):
            raise bad_body("components", "a row holds 1 to 5 buttons or one select menu")
    elif kind == BUTTON:
        _check_button(component)
    elif kind in SELECTS:
        _check_length("components.custom_id", component.get("custom_id", ""), 100, 1)
        _check_length("components.placeholder", component.get("placeholder"), 150)
        _check_options(component)


def _check_button(button: Json) -> None:
    style = button.get("style")
    if style not in range(1, 7):
        raise bad_body("components.style", f"{style} is no button style")
    if style == PREMIUM:
        _check_premium(button)
        return
    _check_length("components.label", button.get("label"), 80)
    if not button.get("label") and not button.get("emoji"):
        raise bad_body("components.label", "a button needs a label or an emoji")
    if style == LINK:
        _check_url("components.url", button["url"])
    else:
        _check_length("components.custom_id", button.get("custom_id", ""), 100, 1)


def _check_premium(button: Json) -> None:
    """Discord draws it by itself: components/reference.md, "Button Styles"."""
    if not str(button.get("sku_id", "")).isdecimal():
        raise bad_body("components.sku_id", "a premium button needs a SKU")
    for key in ("custom_id", "label", "url", "emoji"):
        if button.get(key):
            raise bad_body(f"components.{key}", "a premium button has none")


def _check_options(select: Json) -> None:
    options = select.get("options") or []
    if select["type"] == STRING_SELECT and not 1 <= len(options) <= 25:
        raise bad_body("components.options", "Must be between 1 and 25 in length.")
    values = [option["value"] for option in options]
    if len(set(values)) != len(values):
        raise bad_body("components.options", "the values must be different")
    for option in options:
        _check_length("components.options.label", option["label"], 100, 1)
        _check_length("components.options.value", option["value"], 100, 1)
        _check_length("components.options.description", option.get("description"), 100)
