"""The report of a study: one self-contained HTML page."""

from batchsift.report.page.page import Report, report, write_report

__all__ = ["Report", "report", "write_report"]
