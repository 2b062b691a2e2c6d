"""Which named transforms are there, and what does a chain of them do to a value?

`to_pm: [trim, {lookup: delivery_status}]` is a chain. `check_chain` says what is wrong with it before a run does,
`compile_chain` makes one function of it, `invert` gives the chain that leads back. Every transform is described in
`docs/transforms.md`; own ones come by the entry point group `crmsync.transforms` and pass `crmsync.core.values.laws`.
"""

from crmsync.core.values.chain import check_chain, compile_chain, invert, registry, respells
from crmsync.core.values.transform import Context, Transform, Unfit

__all__ = ["Context", "Transform", "Unfit", "check_chain", "compile_chain", "invert", "registry", "respells"]
