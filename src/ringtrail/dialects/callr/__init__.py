"""CALLR's API v1 over our record. README.md: sources, what is supported, known differences."""

from ringtrail.dialects.callr.routes import DIALECT

__all__ = ["DIALECT"]
