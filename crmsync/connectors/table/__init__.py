"""A file as an entity: CSV, JSON Lines, Excel or Parquet, one record a row.

Option of the system: `folder`. Options of an entity: `file` (or `path`, relative to the folder), `format` (csv, jsonl,
excel, parquet; default by suffix), `types` ({column: text | integer | decimal | boolean | date | datetime | json}, of
CSV and Excel, where a column is text unless it says otherwise), `empty` (null or text: what an empty cell of a text
column is), `encoding`, `separator` (CSV), `sheet` (Excel).
"""

from __future__ import annotations

from crmsync.connectors.table.door import TableConnection as connect

__all__ = ["connect"]
