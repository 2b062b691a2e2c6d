"""What is wrong with a project that no single file shows?

Each check is a function from a draft of a mapping (or the whole world) to findings; the names of the checks say what
they make sure of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final, TypeAlias

from crmsync.core.model import Finding
from crmsync.project.check.across import after_names_mappings, owners_agree, paths_have_one_writer, running_order
from crmsync.project.check.deprecation import contracts_may_be_read, fields_may_be_read
from crmsync.project.check.ends import (
    archive_is_possible,
    create_reads_the_other_side,
    elements_are_read_only,
    ends_exist,
    keys_are_written_by_their_assigner,
    two_entities,
)
from crmsync.project.check.fields import (
    chains_are_known,
    fields_make_sense,
    groups_move_together,
    limits_speak_of_fields,
    together_has_parents,
)
from crmsync.project.check.flow import Types
from crmsync.project.check.match import (
    comparators_are_known,
    golden_rules_are_known,
    match_speaks_of_fields,
    models_know_what_is_compared,
    precision_has_labels,
    thresholds_are_in_order,
    weights_are_of_all_or_of_none,
)
from crmsync.project.check.paths import (
    constants_keep_the_contract,
    entity_paths_are_known,
    expressions_parse,
    merged_values_have_the_right_type,
    paths_are_known,
    read_only_paths_are_left_alone,
    traces_are_left_alone,
    written_paths_are_plain,
)
from crmsync.project.check.people import (
    keys_and_what_is_looked_up_are_marked_where_they_arrive,
    people_are_marked_where_they_arrive,
)
from crmsync.project.check.required import required_fields_are_filled, required_paths_are_written
from crmsync.project.check.together import fields_go_together
from crmsync.project.check.types import (
    both_ways_lead_back,
    checks_can_be_made,
    expressions_are_typed,
    targets_take_what_is_given,
)
from crmsync.project.check.unread import contracts_are_read
from crmsync.project.check.world import World
from crmsync.project.mappings import Draft

DraftCheck: TypeAlias = Callable[[Draft, World], Iterator[Finding]]

_DRAFT_CHECKS: Final[tuple[DraftCheck, ...]] = (
    ends_exist,
    two_entities,
    create_reads_the_other_side,
    archive_is_possible,
    elements_are_read_only,
    keys_are_written_by_their_assigner,
    fields_make_sense,
    groups_move_together,
    limits_speak_of_fields,
    together_has_parents,
    chains_are_known,
    expressions_parse,
    paths_are_known,
    entity_paths_are_known,
    written_paths_are_plain,
    read_only_paths_are_left_alone,
    traces_are_left_alone,
    merged_values_have_the_right_type,
    constants_keep_the_contract,
    match_speaks_of_fields,
    comparators_are_known,
    thresholds_are_in_order,
    weights_are_of_all_or_of_none,
    models_know_what_is_compared,
    precision_has_labels,
    golden_rules_are_known,
    contracts_are_read,
    people_are_marked_where_they_arrive,
    keys_and_what_is_looked_up_are_marked_where_they_arrive,
)

TypeCheck: TypeAlias = Callable[[Draft, World, Types], Iterator[Finding]]

_TYPE_CHECKS: Final[tuple[TypeCheck, ...]] = (
    expressions_are_typed,
    targets_take_what_is_given,
    checks_can_be_made,
    required_paths_are_written,
    required_fields_are_filled,
    both_ways_lead_back,
)


def check_mappings(world: World, today: date | None = None) -> Iterator[Finding]:
    """All findings about the mappings of a project, but for those about their order. Without `today` no day is over."""
    types = Types(world)
    for draft in world.drafts.values():
        found = [each for check in _DRAFT_CHECKS for each in check(draft, world)]
        found += [each for check in _TYPE_CHECKS for each in check(draft, world, types)]
        if not draft.damaged and _is_whole(draft, world) and all(each.severity != "error" for each in found):
            found += fields_go_together(draft, world, types)
        yield from found
        yield from contracts_may_be_read(draft, today)
        yield from fields_may_be_read(draft, world, today)
    yield from paths_have_one_writer(world)
    yield from owners_agree(world)
    yield from after_names_mappings(world)


def _is_whole(draft: Draft, world: World) -> bool:
    """Whether all that it speaks of could be read."""
    ends = draft.mapping.ends
    is_read = all(world.entity(end) is not None and end.contract.schema is not True for end in ends)
    return is_read and not world.lost_tables


__all__ = ["World", "check_mappings", "running_order"]
