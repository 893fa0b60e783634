"""What a node says of a track, as the code that surfaces word."""

import pytest

from audio.failures import failure


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("The file's server answered with status 403", "private_address"),
        ("The file's server answered with status 415", "not_audio"),
        ("The file's server answered with status 504", "timeout"),
        ("The file's server answered with status 404", "not_found"),
        ("The file's server answered with status 500", "unreachable"),
        ("Not success status code: 403", "private_address"),
        ("No matches for this identifier", "not_found"),
        ("There is no sound in this file", "not_audio"),
        ("The file is damaged", "corrupt"),
        ("", "corrupt"),
    ],
)
def test_a_nodes_message_has_a_code(message: str, code: str) -> None:
    assert failure(message) == code
