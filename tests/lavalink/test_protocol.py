"""What the models tell apart and what they keep to themselves."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from lavalink.protocol import (
    ChorusModel,
    LoadError,
    PlayerModel,
    PlayerPatch,
    PlayerState,
    Track,
    TrackInfo,
    VoiceState,
    validation_message,
)


def patch(**body: object) -> PlayerPatch:
    return PlayerPatch.model_validate_json(json.dumps(body))


def test_absent_and_null_are_told_apart() -> None:
    stop = patch(track={"encoded": None}, endTime=None, chorus={"next": None})
    assert stop.model_fields_set == {"track", "end_time", "chorus"}
    assert stop.track
    assert stop.track.model_fields_set == {"encoded"}
    assert stop.chorus
    assert stop.chorus.model_fields_set == {"next"}
    assert patch().model_fields_set == set()


@pytest.mark.parametrize("name", ["track", "position", "volume", "paused", "filters", "voice", "chorus", "identifier"])
def test_null_is_refused_where_it_means_nothing(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        patch(**{name: None})
    assert validation_message(caught.value) == f"{name} must not be null"


def test_unknown_keys_pass_outside_of_the_extension() -> None:
    assert patch(newKeyOfLavalink=1).model_fields_set == set()


def test_a_fault_is_named_with_its_path_and_without_its_value() -> None:
    with pytest.raises(ValidationError) as caught:
        patch(voice={"token": "t", "endpoint": "e", "sessionId": ["s3cret"]})
    message = validation_message(caught.value)
    assert message == "voice.sessionId: Input should be a valid string"
    assert "s3cret" not in str(caught.value)


def test_a_player_goes_out_with_the_wires_names() -> None:
    info = TrackInfo(
        identifier="i", is_seekable=True, author="a", length=1000, is_stream=False, title="t", source_name="http"
    )
    model = PlayerModel(
        guild_id="5",
        track=Track(encoded="e", info=info),
        volume=100,
        paused=False,
        state=PlayerState(time=1, position=2, connected=True, ping=-1),
        voice=VoiceState(token="", endpoint="", session_id=""),
        filters={"volume": 0.5},
        chorus=ChorusModel(bitrate=128_000, fade_ms=100),
    )
    assert model.wire() == {
        "guildId": "5",
        "track": {
            "encoded": "e",
            "info": {
                "identifier": "i",
                "isSeekable": True,
                "author": "a",
                "length": 1000,
                "isStream": False,
                "position": 0,
                "title": "t",
                "uri": None,
                "artworkUrl": None,
                "isrc": None,
                "sourceName": "http",
            },
            "pluginInfo": {},
            "userData": {},
        },
        "volume": 100,
        "paused": False,
        "state": {"time": 1, "position": 2, "connected": True, "ping": -1},
        "voice": {"token": "", "endpoint": "", "sessionId": "", "channelId": None},
        "filters": {"volume": 0.5},
        "chorus": {"next": None, "bitrate": 128_000, "fadeMs": 100, "taps": []},
    }


def test_a_load_error_is_the_protocols_exception() -> None:
    assert LoadError("broken", "suspicious").wire() == {
        "message": "broken",
        "severity": "suspicious",
        "cause": "broken",
        "causeStackTrace": "broken",
    }
