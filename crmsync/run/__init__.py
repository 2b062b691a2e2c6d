"""In which order does one run do things? It orders effects; it decides nothing.

`world` opens what a run needs, `extract` reads both sides into the spool, `prepare` makes the plan of all mappings,
`perform` does it, `report` counts. The decisions are the core's.
"""
