"""Fixtures of the whole suite: where the data lies, and hypothesis without chance."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parent.parent

# A run must give the same verdict twice: examples are drawn from a fixed seed, and a slow machine
# is no failure. HYPOTHESIS_PROFILE=random searches further, on a developer's own machine.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, database=None)
settings.register_profile("random", derandomize=False, deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure() -> None:
    """Processes heed Ctrl-C, though this one may have been started in the background, where not."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout: the folder of pyproject.toml."""
    return PROJECT


@pytest.fixture(scope="session")
def data() -> Path:
    """Test data that is part of the project."""
    return PROJECT / "tests" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Results of independent tools, beside the checkout; skips where they are absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference data beside the checkout (../shared/data) is absent")
    return folder
