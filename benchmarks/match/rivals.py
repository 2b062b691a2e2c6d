"""How would somebody match these sets with a neighbour's tool, used as its own documentation advises?

Every neighbour gets the same plain records (small letters, no diacritics) and, where it does not learn its own
blocking, the same words to block with. Settings follow from the kinds of the columns alone, none is made for one set:

- Splink: unsupervised. Comparisons by kind with term frequencies, u by sampling, m by expectation-maximisation over the
  columns in turn, the prior from deterministic rules.
- dedupe: String, ShortString or Exact variables by kind; given the labels, it learns blocking and weights.
- recordlinkage: string comparisons by kind and its logistic regression, given the labels.
- rapidfuzz: one scorer, over the name or the mean of all columns; which of them is chosen with the labels.

Runs in an environment of its own (`make bench-match`), for these packages are no dependency of crmsync.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import JaroWinkler

from benchmarks.match.protocol import CannotTell, Labels, Matcher, Scores, blocked, plain, words
from benchmarks.match.sets import Key, LabelledSet, Pair, Record, ordered

Plain: TypeAlias = dict[Key, dict[str, str]]

IDS: Final = frozenset({"company_id", "phone"})
LEAST: Final = 0.001  # a score below this is worth no row
LEAST_WEIGHT: Final = -20  # the same in bits, as Splink scores


def _sides(known: LabelledSet) -> tuple[Plain, Plain]:
    left, right = (
        {key: plain(record, known.compare) for key, record in side.items()} for side in (known.left, known.right)
    )
    return left, right


def splink(known: LabelledSet, _labels: Labels) -> Scores:
    if known.asked:
        raise CannotTell("Splink estimates from the records of whole tables; there are only pairs")
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # type: ignore[import-not-found]  # in .venv-bench

    logging.getLogger("splink").setLevel(logging.ERROR)
    database = DuckDBAPI()
    settings = SettingsCreator(
        link_type="dedupe_only" if known.kind == "dedupe" else "link_only",
        comparisons=[_comparison(column, kind) for column, kind in known.compare.items()],
        blocking_rules_to_generate_predictions=[block_on("said", arrays_to_explode=["said"])],
        retain_matching_columns=False,
    )
    tables = [database.register(frame, dataset_display_name=name) for name, frame in _frames(known)]
    linker = Linker(tables, settings, log_level=logging.ERROR)
    _train(linker, known, block_on)
    found = linker.inference.predict(threshold_match_weight=LEAST_WEIGHT).as_pandas_dataframe()
    pairs = zip(found["unique_id_l"], found["unique_id_r"], found["match_weight"], strict=True)
    if known.kind == "dedupe":
        return {ordered((first, second)): float(weight) for first, second, weight in pairs}
    return {(first[1:], second[1:]): float(weight) for first, second, weight in pairs}


def _frames(known: LabelledSet) -> list[tuple[str, Any]]:
    """One data frame a table. A key of a linked table gets its side in front, so that "a" comes left and "b" right."""
    import pandas as pd

    frames = []
    for name, side, said in zip("ab", _sides(known), words(known), strict=True):
        rows: list[dict[str, Any]] = [
            {column: value or None for column, value in record.items()}
            | {"unique_id": key if known.kind == "dedupe" else name + key, "said": said[key], "lead": _lead(record)}
            for key, record in side.items()
        ]
        frames.append((name, pd.DataFrame(rows)))
    return frames if known.kind != "dedupe" else frames[:1]


def _lead(record: Record) -> str | None:
    """The first letters of the name: something beside the columns to train a set of names alone with."""
    return next(iter(record.values()))[:5] or None


def _comparison(column: str, kind: str) -> Any:
    import splink.comparison_library as cl  # type: ignore[import-not-found]  # in .venv-bench

    if kind == "email":
        return cl.EmailComparison(column)
    if kind in IDS:
        return cl.LevenshteinAtThresholds(column, [1, 2])
    if kind == "exact":
        return cl.ExactMatch(column).configure(term_frequency_adjustments=True)
    return cl.JaroWinklerAtThresholds(column, [0.95, 0.88, 0.8]).configure(term_frequency_adjustments=True)


def _train(linker: Any, known: LabelledSet, block_on: Any) -> None:
    """Splink's own advice: expectation-maximisation over pairs that agree in a column which rarely agrees by chance."""
    name, *others = known.compare
    telling = [column for column in known.compare if _telling([record[column] for record in known.left.values()])]
    rules = [block_on(name, other) for other in others] or [block_on(name)]
    training = linker.training
    training.estimate_probability_two_random_records_match(rules, recall=0.7)
    training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in [block_on(column) for column in telling] if others else [block_on("lead")]:
        try:
            training.estimate_parameters_using_expectation_maximisation(rule, record_sample_proportion=1.0)
        except Exception as error:  # noqa: BLE001  # a rule that finds no pairs or no matches trains nothing; others do
            logging.getLogger("benchmarks").info("%s: %s", rule, error)


def _telling(values: Sequence[str]) -> bool:
    filled = [value for value in values if value]
    return len(set(filled)) > len(filled) / 2


def dedupe(known: LabelledSet, labels: Labels) -> Scores:
    if known.asked:
        raise CannotTell("dedupe learns its blocking from whole tables; there are only pairs")
    import dedupe as library  # type: ignore[import-not-found]  # in .venv-bench

    variables = [_variable(column, kind) for column, kind in known.compare.items()]
    left, right = (
        {key: {column: value or None for column, value in record.items()} for key, record in side.items()}
        for side in _sides(known)
    )
    tables = (left,) if known.kind == "dedupe" else (left, right)
    matcher = (library.Dedupe if known.kind == "dedupe" else library.RecordLink)(variables, num_cores=1)
    second = tables[-1]
    told = {same: [(left[a], second[b]) for (a, b), said in labels.items() if said is same] for same in (True, False)}
    matcher.prepare_training(*tables, training_file=io.StringIO(json.dumps(_training(told))))
    matcher.train()
    scored = matcher.score(matcher.pairs(*tables))
    pairs = ((str(a), str(b), float(score)) for (a, b), score in zip(scored["pairs"], scored["score"], strict=True))
    return {ordered((a, b)) if known.kind == "dedupe" else (a, b): score for a, b, score in pairs if score >= LEAST}


def _training(told: Mapping[bool, Sequence[tuple[Any, Any]]]) -> dict[str, list[Any]]:
    """The labels as dedupe writes them to a training file."""
    return {
        name: [{"__class__": "tuple", "__value__": list(pair)} for pair in told[same]]
        for same, name in ((True, "match"), (False, "distinct"))
    }


def _variable(column: str, kind: str) -> Any:
    from dedupe import variables

    short = kind in IDS | {"domain", "email", "exact"}
    return (variables.ShortString if short else variables.String)(column, has_missing=True)


def recordlinkage(known: LabelledSet, labels: Labels) -> Scores:
    import pandas as pd
    import recordlinkage as library  # type: ignore[import-not-found]  # in .venv-bench

    left, right = (pd.DataFrame.from_dict(side, orient="index") for side in _sides(known))
    compare = library.Compare(n_jobs=1)
    for column, kind in known.compare.items():
        if kind == "exact":
            compare.exact(column, column)
        else:
            compare.string(column, column, method="levenshtein" if kind in IDS else "jarowinkler")
            if kind not in IDS:
                compare.string(column, column, method="qgram")
    tables = (left, None) if known.kind == "dedupe" else (left, right)
    candidates = sorted({*blocked(known), *labels})
    index = pd.MultiIndex.from_tuples(candidates, names=["a", "b"])
    features = compare.compute(index, *tables).fillna(0.0)
    empty = _empty(known, candidates)
    features = pd.concat([features, pd.DataFrame(empty, index=index)], axis=1)
    features.columns = [str(column) for column in features.columns]
    model = library.LogisticRegressionClassifier()
    told = [pair for pair, same in labels.items() if same]
    model.fit(features.loc[list(labels)], pd.MultiIndex.from_tuples(told))
    return dict(zip(candidates, model.prob(features).astype(float), strict=True))


def _empty(known: LabelledSet, pairs: Sequence[Pair]) -> Any:
    """1.0 where a side says nothing: a missing value is no disagreement, and the model may learn so."""
    second = known.second()
    return np.array(
        [[not (known.left[a][column] and second[b][column]) for column in known.compare] for a, b in pairs], float
    )


SCORERS: Final[Mapping[str, Callable[..., float]]] = {
    "ratio": fuzz.ratio,
    "token_sort_ratio": fuzz.token_sort_ratio,
    "token_set_ratio": fuzz.token_set_ratio,
    "WRatio": fuzz.WRatio,
    "Jaro-Winkler": JaroWinkler.normalized_similarity,
}


def rapidfuzz(known: LabelledSet, labels: Labels) -> Scores:
    """The scorer and the columns that tell the labelled pairs apart best."""
    told = list(labels)
    same = np.array([labels[pair] for pair in told])
    columns = list(known.compare)
    choices = [(name, used) for name in SCORERS for used in ([columns[0]], columns)]
    name, used = max(choices, key=lambda choice: _parted(_means(known, told, *choice), same))
    candidates = blocked(known)
    means = _means(known, candidates, name, used)
    return dict(zip(candidates, means.tolist(), strict=True))


def _means(known: LabelledSet, pairs: Sequence[Pair], scorer: str, columns: Sequence[str]) -> Any:
    """The mean likeness over the columns that both records fill, by pair."""
    left, right = _sides(known)
    second = left if known.kind == "dedupe" else right
    total, present = np.zeros(len(pairs)), np.zeros(len(pairs))
    for column in columns:
        ours = [left[a][column] for a, _ in pairs]
        theirs = [second[b][column] for _, b in pairs]
        both = np.array([bool(x and y) for x, y in zip(ours, theirs, strict=True)], dtype=bool)
        total += np.where(both, process.cpdist(ours, theirs, scorer=SCORERS[scorer], dtype=np.float64), 0.0)
        present += both
    return total / np.maximum(present, 1)


def _parted(scores: Any, same: Any) -> float:
    """The best F1 of any threshold over the labelled pairs."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(same[order])
    return float((2 * right / (np.arange(1, len(order) + 1) + same.sum())).max())


MATCHERS: Final[Mapping[str, Matcher]] = {
    "Splink": splink,
    "dedupe": dedupe,
    "recordlinkage": recordlinkage,
    "rapidfuzz": rapidfuzz,
}
