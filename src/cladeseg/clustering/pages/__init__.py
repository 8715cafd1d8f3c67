"""What people look at: contact sheet, similarity matrix, page."""

from cladeseg.clustering.pages.clusters_page import PAGE, SHEET, write_clusters_page
from cladeseg.clustering.pages.contact_sheet import contact_sheet, similarity_picture, thumbnail
from cladeseg.clustering.pages.score_blocks import verdict

__all__ = ["PAGE", "SHEET", "contact_sheet", "similarity_picture", "thumbnail", "verdict", "write_clusters_page"]
