"""What people look at: contact sheet, similarity matrix, page."""

from cladeseg.clustering.pages.clusters_page import PAGE, SHEET, write_clusters_page
from cladeseg.clustering.pages.contact_sheet import contact_sheet, thumbnail
from cladeseg.clustering.pages.score_blocks import verdict
from cladeseg.clustering.pages.similarity_matrix import similarity_picture

__all__ = ["PAGE", "SHEET", "contact_sheet", "similarity_picture", "thumbnail", "verdict", "write_clusters_page"]
