"""The contracts of a project: files on disk -> nouns, with file, line and column for everything that is wrong."""

from crmsync.project.contracts.choice import in_order, missing_contract, pick_contract
from crmsync.project.contracts.places import Places, places_of
from crmsync.project.contracts.read import Contracts, SchemaFile, read_contracts, read_schema_file

__all__ = [
    "Contracts", "Places", "SchemaFile", "in_order", "missing_contract", "pick_contract", "places_of",
    "read_contracts", "read_schema_file",
]  # fmt: skip
