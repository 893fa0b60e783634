"""The surface that docs/integrations.md builds, as it is printed there."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "integrations.md"


def source() -> str:
    """The page's Python."""
    [text] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return text


def example() -> Any:
    """It as a module."""
    module = ModuleType("chorus_lines")
    exec(compile(source(), str(PAGE), "exec"), module.__dict__)
    return module
