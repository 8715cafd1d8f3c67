"""nnU-Net as a row of a benchmark: trained on the fine cases alone, in an environment of its own.

Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation", Nature
Methods 18, 2021.  Nothing of it is imported; its commands run in the environment that the user names.
"""
