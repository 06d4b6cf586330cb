"""What is collected, which worker runs it, and a browser whose pages must not complain."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

# A program that test_types.py has a type checker read: to run it would raise the errors that are to be found.
collect_ignore = ["typed"]
if "device_count=8" not in os.environ.get("XLA_FLAGS", ""):
    collect_ignore.append("eight_devices.py")  # run by test_jax.py, in a process that has eight devices

# One thread for each worker's matrices: where threads wait for each other's cores, training takes ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests that run one after another, in one worker of pytest-xdist: those that share a browser, or take much memory.
_GROUPS = {"test_page": "browser", "test_page_gates": "browser", "test_pictures": "browser"}
_GROUPS |= {"test_size": "large", "test_jax": "jax", "test_engines[jax": "jax", "test_fuzz[jax": "jax"}
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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return what deals the tests out to the workers of `-n auto`: the groups first, and then test by test."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path, _, name = nodeid.partition("::")
            file = Path(path).stem
            key = f"{file}[jax" if "[jax" in name else file  # its parameter is the engine
            return _GROUPS.get(key, nodeid)

    return Groups(config, log)


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


@pytest.fixture(scope="session")
def window(browser: Any) -> Iterator[Any]:
    """Yield a window that is offline; opening it takes longer than most tests."""
    with browser.new_context(offline=True) as context:
        yield context.new_page()


@pytest.fixture
def page(window: Any) -> Iterator[Any]:
    """Yield an empty page, offline; the test fails if it logs an error, raises one or asks the network for anything."""
    complaints: list[str] = []

    def logged(message: Any) -> None:
        if message.type == "error":
            complaints.append(f"console: {message.text}")

    def raised(error: Any) -> None:
        complaints.append(f"error: {error}")

    def asked(request: Any) -> None:
        if request.url.startswith(("http:", "https:", "ws:", "wss:")):
            complaints.append(f"request: {request.url}")

    listeners = {"console": logged, "pageerror": raised, "request": asked, "websocket": asked}
    for event, listener in listeners.items():
        window.on(event, listener)
    yield window
    window.goto("about:blank")
    window.set_viewport_size({"width": 1280, "height": 720})
    window.emulate_media(color_scheme="light")
    for event, listener in listeners.items():
        window.remove_listener(event, listener)
    if complaints:
        pytest.fail("the page complained:\n" + "\n".join(complaints))


def _do_without(reason: str) -> NoReturn:
    """Skip the test; fail it where CI is set, and a browser must not be missing unseen."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
