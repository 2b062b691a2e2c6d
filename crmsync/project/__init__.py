"""YAML and JSON Schema on disk -> nouns, with file:line:column for everything that is wrong."""

from crmsync.project.load import Loaded, load_project
from crmsync.project.shapes import schema_text

__all__ = ["Loaded", "load_project", "schema_text"]
