"""``python -m benchmarks.picture report.html``: the beginning of a report's page as the picture of the README.

Needs Chromium and Playwright (``pip install playwright``, ``apt-get install chromium``). The page is opened from disk.
That of ``benchmarks/report.png`` is of::

    paars simulate --sessions 800 --record steps --out run
    paars simulate --sessions 800 --condition base --out base
    paars report run --human mini --compare base --by goal --embedder none
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from paars_gym.cli.outputs import with_outputs
from paars_gym.cli.running import run_command
from paars_gym.files import written_whole
from paars_gym.report.printing import Printer

PICTURE = Path(__file__).with_name("report.png")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1_160, 1_000
MOST_BYTES = 200_000
"""Of a picture that everybody loads who opens the README."""


def take_picture(page: Path, out: Path = PICTURE, *, height: int = HEIGHT) -> int:
    """Takes a picture of the beginning of a page, in its light colours.

    Args:
        page: An HTML file.
        out: The PNG; one that is there is replaced, whole or not at all.
        height: Pixels from the top.

    Returns:
        Its bytes.

    Raises:
        FileNotFoundError: No such page.
        ImportError: Playwright or Chromium is missing.
        ValueError: The picture is too large to show.
    """
    if not page.is_file():
        raise FileNotFoundError(f"There is no page {str(page)!r}; make one: paars report RUN, or python -m benchmarks.")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ImportError("There is no Chromium: apt-get install chromium.")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as missing:
        raise ImportError("A picture needs Playwright: python -m pip install playwright.") from missing
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = chromium.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        content = tab.screenshot(animations="disabled")
        chromium.close()
    if len(content) > MOST_BYTES:
        raise ValueError(
            f"The picture of {str(page)!r} has {len(content):,} bytes, must have at most {MOST_BYTES:,}: take a "
            "smaller --height."
        )
    with written_whole(out, binary=True) as file:
        file.write(content)
    return len(content)


@with_outputs(out="file")
def main(
    page: Annotated[Path, typer.Argument(help="A report, such as RUN/report.html of python -m benchmarks --out RUN.")],
    out: Annotated[Path, typer.Option(help="PNG to write.")] = PICTURE,
    height: Annotated[int, typer.Option(min=100, max=4_000, help="Pixels from the top of the page.")] = HEIGHT,
) -> None:
    """Takes the picture of the README: the beginning of a report's page."""
    size = take_picture(page, out, height=height)
    Printer().print(f"{out}: {WIDTH} × {height} pixels, {size:,} bytes.")


if __name__ == "__main__":
    run_command(main)
