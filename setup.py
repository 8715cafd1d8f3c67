"""Copies the repository's bundles and overlays into the wheel; everything else stands in pyproject.toml.

They lie beside ``src`` because people work in them, and MONAI runs a bundle from its own folder.  MANIFEST.in alone
says which of their files travel.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

#: Top-level folders; they stay side by side, because grids name bundles and overlays by relative paths.
SHIPPED = ("bundles", "configs")


class BuildWithBundles(build_py):
    """The usual build, and ``cladeseg/shipped/{bundles,configs}`` with the files that MANIFEST.in names."""

    def run(self) -> None:
        """Build; an editable install finds the folders in the checkout and needs no copy."""
        if self.editable_mode:
            super().run()
            return
        package = Path(self.build_lib) / "cladeseg"
        shutil.rmtree(package, ignore_errors=True)  # a file that no longer exists must not travel from an older build
        super().run()
        for file in self._shipped_files():
            copy = package / "shipped" / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)

    def _shipped_files(self) -> list[Path]:
        self.run_command("egg_info")
        files = map(Path, self.get_finalized_command("egg_info").filelist.files)
        return sorted(file for file in files if file.parts[0] in SHIPPED)


setup(cmdclass={"build_py": BuildWithBundles})
