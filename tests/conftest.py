"""What is collected, in which order and by which worker, and a browser whose pages must not complain."""

import os
import shutil
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

# Run by test_jax.py, in a process that has eight devices.
collect_ignore = [] if "device_count=8" in os.environ.get("XLA_FLAGS", "") else ["eight_devices.py"]

# One thread for each worker's matrices: where threads wait for each other's cores, training takes ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What takes much memory is kept apart: all tests of a group run in one worker, one after another.
_GROUPS = {"test_size": "large", "test_jax": "jax"}
_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the workers of pytest-xdist (`-n auto --dist loadgroup`) the groups first, which take longest."""
    rank = {}
    for item in items:
        group = _GROUPS.get(item.path.stem)
        if "browser" in getattr(item, "fixturenames", []):
            group = "browser"
        if "[jax" in item.name:  # its parameter is the engine
            group = "jax"
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
        rank[item] = ("large", "jax", "browser", None).index(group)
    items.sort(key=rank.__getitem__)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Yield a headless Chromium; where there is none, skip the test, and fail it if CI is set."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _do_without('the package playwright is missing: pip install -e ".[test]"')
    command = next(filter(None, map(shutil.which, _COMMANDS)), None)
    if command is None:
        _do_without(f"no browser: install a Chromium, such as Debian's package chromium (looked for {_COMMANDS})")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=command, headless=True, args=_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Yield a new page, offline; the test fails if it logs an error, raises one or asks the network for anything."""
    complaints: list[str] = []

    def logged(message: Any) -> None:
        if message.type == "error":
            complaints.append(f"console: {message.text}")

    def asked(request: Any) -> None:
        if request.url.startswith(("http:", "https:", "ws:", "wss:")):
            complaints.append(f"request: {request.url}")

    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.on("console", logged)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("request", asked)
        page.on("websocket", asked)
        yield page
    if complaints:
        pytest.fail("the page complained:\n" + "\n".join(complaints))


def _do_without(reason: str) -> NoReturn:
    """Skip the test; fail it where CI is set, and a browser must not be missing unseen."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
