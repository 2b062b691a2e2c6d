"""How is a plan written down? One JSON line for an action or an entry, the same text for the same plan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, TypeAlias

from crmsync.core.model import (
    ABSENT,
    Action,
    Adopt,
    Agreed,
    Archive,
    Base,
    Both,
    Change,
    Create,
    Delete,
    Entry,
    Hold,
    Json,
    Key,
    Mark,
    Restore,
    Side,
    Symbol,
    Update,
    from_json,
    other,
    to_json,
)

Line: TypeAlias = Action | Entry

_ABSENT: Final = ABSENT.value  # an enum's value is slow to ask for

DO: Final[dict[type[Line], str]] = {
    Create: "create",
    Update: "update",
    Archive: "archive",
    Delete: "delete",
    Restore: "restore",
    Hold: "hold",
    Adopt: "adopt",
    Mark: "mark",
}


def is_revert(action: Line) -> bool:
    """An update that only takes back what the side that does not own it had changed."""
    return isinstance(action, Update) and all(change.reason == "foreign-edit" for change in action.changes)


def encode(line: Line) -> bytes:
    """One line of a plan, without its line break."""
    return to_json({"do": "revert" if is_revert(line) else DO[type(line)], **_body(line)})


def digest(lines: Iterable[bytes]) -> str:
    """What tells one plan from another: sha256 over its sorted lines, in hex."""
    total = hashlib.sha256()
    for line in lines:
        total.update(line)
        total.update(b"\n")
    return total.hexdigest()


def _body(line: Line) -> dict[str, Json]:
    match line:
        case Create(mapping, side, source, changes, untold):
            body = {"mapping": mapping, "side": side, "source": source, "changes": _changes(changes, side)}
            return {**body, "untold": [[name, encode_value(value)] for name, value in untold]} if untold else body
        case Update(mapping, side, key, source, changes, expect, undoes):
            keys = {"mapping": mapping, "side": side, "key": key, "source": source, "expect": expect}
            return {**keys, "changes": _changes(changes, side), **({"undoes": undoes} if undoes else {})}
        case Archive(mapping, side, key, source, expect, reason) | Delete(mapping, side, key, source, expect, reason):
            keys = {"mapping": mapping, "side": side, "key": key, "source": source, "expect": expect}
            before = {"before": _pairs(line.before)} if isinstance(line, Archive) and line.before else {}
            return {**keys, "why": reason, "missing": line.missing, **before}
        case Restore(mapping, side, key, source, expect, values, relink):
            keys = {"mapping": mapping, "side": side, "key": key, "source": source, "expect": expect}
            return {**keys, "values": _pairs(values), "relink": relink}
        case Hold(mapping, keys, kind, field, values, base, message, score, against):
            said = {"values": [encode_value(each) for each in values], "base": [encode_value(each) for each in base]}
            more = {**({} if score is None else {"score": score}), **({"against": against} if against else {})}
            return {"mapping": mapping, "keys": keys, "kind": kind, "field": field, "why": message, **said, **more}
        case Adopt(mapping, keys, base, judged):
            fields = {name: agreed_to_json(agreed) for name, agreed in base.items()}
            return {"mapping": mapping, "keys": keys, "base": fields, **({"judged": judged} if judged else {})}
        case Mark(mapping, keys, state, missing):
            return {"mapping": mapping, "keys": keys, "state": state, "missing": missing}


def _pairs(values: Iterable[tuple[str, Json]]) -> list[Json]:
    return [[path, encode_value(value)] for path, value in values]


def _changes(changes: Iterable[Change], side: Side) -> list[Json]:
    return [_change(change, side) for change in changes]


def _change(change: Change, side: Side) -> Json:
    """`from` is what the other side says; the base after the write follows from it."""
    agreed = change.agreed
    line = {
        "field": change.field,
        "path": change.path,
        "before": encode_value(change.before),
        "after": encode_value(change.after),
        "from": encode_value(agreed.values[other(side)]),
        "why": change.reason,
    }
    if agreed.owed is not None:
        line["owed"] = agreed.owed
    if agreed.filled:
        line["filled"] = True
    if agreed.to != side:
        line["to"] = agreed.to
    if agreed.sent is not change.after and to_json(agreed.sent) != to_json(change.after):
        line["sent"] = encode_value(agreed.sent)
    return line


def encode_value(value: Json) -> Json:
    """A value as it stands in a line: a symbol becomes an object that names the parent."""
    if isinstance(value, Symbol):
        return {"$key_of": [value.mapping, value.side, value.source]}
    return value


def agreed_to_json(agreed: Agreed) -> Json:
    body = {
        "values": [encode_value(each) for each in agreed.values],
        "to": agreed.to,
        "sent": encode_value(agreed.sent),
    }
    if agreed.owed is not None:
        body["owed"] = agreed.owed
    if agreed.filled:
        body["filled"] = True
    return body


# Back ----------------------------------------------------------------------------------------------------


def decode(text: bytes) -> Line:
    """The action or entry of a line. Raises KeyError, TypeError or ValueError where it is none."""
    body = from_json(text)
    match body["do"]:
        case "create":
            changes = tuple(_read_change(each, body["side"]) for each in body["changes"])
            untold = tuple((name, _read(value)) for name, value in body.get("untold", ()))
            return Create(body["mapping"], body["side"], tuple(body["source"]), changes, untold)
        case "update" | "revert":
            changes = tuple(_read_change(each, body["side"]) for each in body["changes"])
            return Update(*_target(body), changes, body["expect"], body.get("undoes", ""))
        case "archive":
            before = _read_pairs(body.get("before", ()))
            return Archive(*_target(body), body["expect"], body["why"], _counts(body["missing"]), before)
        case "restore":
            return Restore(*_target(body), body["expect"], _read_pairs(body["values"]), body["relink"])
        case "delete":
            return Delete(*_target(body), body["expect"], body["why"], _counts(body["missing"]))
        case _:
            return _read_entry(body)


def _read_entry(body: Json) -> Line:
    keys = _keys(body["keys"])
    match body["do"]:
        case "hold":
            values, base = (tuple(map(_read, body[name])) for name in ("values", "base"))
            score = float(body["score"]) if "score" in body else None
            against = tuple(body.get("against", ()))
            return Hold(body["mapping"], keys, body["kind"], body["field"], values, base, body["why"], score, against)
        case "adopt":
            judged = (float(body["judged"][0]), body["judged"][1]) if "judged" in body else None
            return Adopt(body["mapping"], _both(keys), _read_base(body["base"]), judged)
        case "mark":
            return Mark(body["mapping"], _both(keys), body["state"], _counts(body["missing"]))
    raise ValueError(f"a plan line cannot do {body['do']!r}")


def _target(body: Json) -> tuple[str, Side, Key, Key]:
    return body["mapping"], body["side"], tuple(body["key"]), tuple(body["source"])


def _keys(keys: Json) -> Both[Key | None]:
    first, second = keys
    return (None if first is None else tuple(first), None if second is None else tuple(second))


def _both(keys: Both[Key | None]) -> Both[Key]:
    if keys[0] is None or keys[1] is None:
        raise ValueError("a link needs two keys")
    return keys[0], keys[1]


def _counts(missing: Json) -> Both[int]:
    first, second = missing
    return first, second


def _read_pairs(body: Json) -> tuple[tuple[str, Json], ...]:
    return tuple((path, _read(value)) for path, value in body)


def _read_base(base: Json) -> Base:
    return {name: agreed_from_json(body) for name, body in base.items()}


def agreed_from_json(body: Json) -> Agreed:
    values = (_read(body["values"][0]), _read(body["values"][1]))
    return Agreed(values, body["to"], _read(body["sent"]), body.get("owed"), body.get("filled", False))


def _read_change(body: Json, side: Side) -> Change:
    after, told = _read(body["after"]), _read(body["from"])
    values = (after, told) if side == 0 else (told, after)
    sent = _read(body["sent"]) if "sent" in body else after
    agreed = Agreed(values, body.get("to", side), sent, body.get("owed"), body.get("filled", False))
    return Change(body["field"], body["path"], _read(body["before"]), after, body["why"], agreed)


def _read(value: Json) -> Json:
    if value == _ABSENT:
        return ABSENT
    if isinstance(value, dict) and value.keys() == {"$key_of"}:
        mapping, side, source = value["$key_of"]
        return Symbol(mapping, side, tuple(source))
    return value
