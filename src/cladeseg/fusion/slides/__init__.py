"""Slides and folders of tiles → tiles of tissue at one resolution, with what was skipped counted."""
