"""What docs/fairness.md shows of the figures: its table, and the plot as SVG."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "fairness.md"
PLOT = DOCS / "images" / "fairness.svg"
BEGIN, END = "<!-- table -->", "<!-- end of the table -->"

ROW, TOP, NAMES, PANEL, SPACE = 26, 64, 210, 200, 64
OURS, THEIRS, INK, FAINT, MARK = "#4f46e5", "#9ca3af", "#1f2937", "#e5e7eb", "#dc2626"


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over all parties, in percent; `gap` in songs. The last two are of parties with a spammer."""

    minority: float
    gap: float
    liked: float
    least_liked: float
    spammer: float
    with_socks: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of all rules as bars up to `most`, with a line at `mark`."""

    title: str
    hint: str
    key: str
    most: float
    mark: float


PANELS = (
    Panel("Airtime of the minority, %", "line: its share of the people", "minority", 30, 25),
    Panel("Airtime of a spammer with socks, %", "line: one of thirteen", "with_socks", 30, 100 / 13),
    Panel("Longest wait of anybody, songs", "line: one round of twelve", "gap", 120, 12),
    Panel("Songs that people like, %", "line: in the order of arrival", "liked", 60, 0),
)


def write(found: Mapping[str, Figures], fifo: float) -> None:
    """Bring the page's table and the plot up to date; `fifo` is how much is liked in the order of arrival."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{rest.partition(END)[2]}")
    PLOT.write_text("\n".join(plot(found, fifo)) + "\n")


def table(found: Mapping[str, Figures]) -> str:
    """The figures as Markdown."""
    rows = [
        f"| {name} | {one.minority:.1f} | {one.gap:.0f} | {one.liked:.0f} / {one.least_liked:.0f}"
        f" | {one.spammer:.1f} | {one.with_socks:.1f} |"
        for name, one in found.items()
    ]
    head = "| rule | minority's airtime % | longest wait, songs | liked % mean / least | spammer % | with socks % |"
    return "\n".join((head, "| --- | --- | --- | --- | --- | --- |", *rows))


def plot(found: Mapping[str, Figures], fifo: float) -> Iterator[str]:
    """The lines of the SVG."""
    width, height = NAMES + len(PANELS) * (PANEL + SPACE), TOP + ROW * len(found) + 16
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">'
    )
    yield "<title>How fair each order is</title>"
    yield f'<rect width="{width}" height="{height}" fill="#fff"/>'
    for row, name in enumerate(found):
        y = TOP + row * ROW + 15
        yield f'<text x="{NAMES - 12}" y="{y}" text-anchor="end">{escape(name)}</text>'
    for number, panel in enumerate(PANELS):
        yield from bars(found, panel, NAMES + number * (PANEL + SPACE), panel.mark or fifo)
    yield "</svg>"


def bars(found: Mapping[str, Figures], panel: Panel, left: int, mark: float) -> Iterator[str]:
    """One panel of the plot."""
    yield f'<text x="{left}" y="22" font-weight="600">{escape(panel.title)}</text>'
    yield f'<text x="{left}" y="40" fill="{MARK}" font-size="11">{escape(panel.hint)}</text>'
    for row, (name, figures) in enumerate(found.items()):
        value, y = getattr(figures, panel.key), TOP + row * ROW
        long, colour = PANEL * min(value / panel.most, 1), OURS if name.startswith("Chorus") else THEIRS
        yield f'<rect x="{left}" y="{y}" width="{PANEL}" height="20" rx="3" fill="{FAINT}"/>'
        yield f'<rect x="{left}" y="{y}" width="{long:.1f}" height="20" rx="3" fill="{colour}"/>'
        yield f'<text x="{left + PANEL + 4}" y="{y + 14}" font-size="11">{value:.1f}</text>'
    at, low = left + PANEL * mark / panel.most, TOP + ROW * len(found) - 2
    yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 4}" y2="{low}" stroke="{MARK}" stroke-width="1.5"/>'
