"""One copy of the bundle, one folder of phantoms and one small training that the tests of the ACDC bundle share."""

from __future__ import annotations

import pytest
from bundle_runs import LEARNT, Place, Trained, copy_bundle, train, write_phantoms


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A copy of the bundle and eight phantom patients; nobody writes into either."""
    folder = tmp_path_factory.mktemp("acdc")
    return Place(copy_bundle(folder / "bundle"), write_phantoms(folder / "data", patients=8))


@pytest.fixture(scope="session")
def trained(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A finished training that has learnt something; tests that write into its folder work on a copy."""
    return Trained(*place, train(place, tmp_path_factory.mktemp("run") / "R", **LEARNT))
