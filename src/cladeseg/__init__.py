"""cladeseg: fine classes from few fine labels, in 3D medical images."""

__version__ = "0.1.0"
