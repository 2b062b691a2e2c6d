"""What do pairs without a label teach? Nothing where something else than being the same parts them."""

from __future__ import annotations

import random

from crmsync.core.match import Candidate, Scored, census_of, score_pairs, traits_of
from crmsync.core.match.rule import scorecard_of
from crmsync.core.model import LIKELY, Compare, Match
from crmsync.run.match.labelled import Labels
from crmsync.run.match.learn import learned, said_same

RULE = Match((), (Compare("name", "company"), Compare("town", "text"), Compare("district", "text")), *LIKELY)
TOWNS = 30
SYLLABLES = ["ba", "ke", "lo", "mi", "nu", "ra", "si", "to", "vu", "ze"]


def strangers(count: int) -> Scored:
    """Two systems without a company in common, from the same few towns."""
    lot = random.Random(7)
    first, second = ([_stranger(lot, n + count * side) for n in range(count)] for side in (0, 1))
    return score_pairs(RULE, census_of(RULE, first, second), first, second)


def _stranger(lot: random.Random, key: int) -> Candidate:
    name = "".join(lot.choices(SYLLABLES, k=3)).title()
    town = lot.randrange(TOWNS)
    trade = lot.choice(["Stavby", "Mlyn", "Doprava", "Kovo"])
    values = {"name": f"{name} {trade}", "town": f"Mesto{town}", "district": f"Okres{town}"}
    return Candidate((key,), traits_of(RULE, values))


def test_that_companies_are_of_one_town_does_not_make_them_one() -> None:
    prior, scored = scorecard_of(RULE), strangers(200)
    assert learned(prior, scored, Labels.of({}, scored.score)) is prior


def test_labels_are_learned_from_where_the_pairs_alone_teach_nothing() -> None:
    prior, scored = scorecard_of(RULE), strangers(200)
    said = {row: row % 100 == 0 for row in range(0, len(scored), 50)}
    assert learned(prior, scored, Labels.of(said, scored.score)).method == "logistic"


def test_labels_start_from_the_shipped_points_where_the_pairs_alone_teach_of_towns() -> None:
    prior, scored = scorecard_of(RULE), strangers(200)
    said = {row: place == 0 for place, row in enumerate(range(0, len(scored), len(scored) // 200))}
    card = learned(prior, scored, Labels.of(said, scored.score))
    assert said_same(card, scored) < 100  # from what the pairs alone teach: 189
