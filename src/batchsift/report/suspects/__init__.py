"""The page to go through the labels that may be wrong: one self-contained HTML file."""

from batchsift.report.suspects.page import PAGE, write_suspects_page

__all__ = ["PAGE", "write_suspects_page"]
