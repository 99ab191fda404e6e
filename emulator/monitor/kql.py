"""From KQL to one SQL statement that can do nothing but read the known tables.

duckdb-kql translates; what it made is then read back by DuckDB's own parser, and refused when it names anything
that is not one of our tables or one of the few table functions that an expansion of lists needs.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from emulator.monitor import errors
from emulator.monitor.plans import Latest, Plan, Shape, plan_of, shape_of
from emulator.monitor.schemas import TABLES
from emulator.monitor.tuning import tune

if TYPE_CHECKING:
    import duckdb

MAX_QUERY_CHARACTERS = 50_000
KEPT = 512
TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "json_each", "json_tree"})
_COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|@\"(?:[^\"]|\"\")*\"|@'(?:[^']|'')*'|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
)
_RENDER = re.compile(r"\|\s*render\s+(\w+)(?:\s+with\s*\((.*)\))?\s*;?\s*$", re.DOTALL)
_SETTING = re.compile(r"(\w+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^,\s)]+))")


@dataclass(frozen=True, slots=True)
class Translated:
    """*sql*: one SELECT of known tables. *parameters*: its placeholders, all of them the clock."""

    sql: str
    parameters: frozenset[str]

    def bind(self, now: datetime) -> Mapping[str, datetime]:
        """Return the values of the placeholders: one clock for the whole query."""
        return dict.fromkeys(self.parameters, now)


class Translator:
    """Translates in any thread and remembers the latest 512 texts: a dashboard asks the same again and again."""

    def __init__(self) -> None:
        self._made: Latest[Translated] = Latest(KEPT)
        self._first: Latest[tuple[Shape, str]] = Latest(KEPT)
        self._plans: Latest[tuple[Plan | None]] = Latest(KEPT)
        self._schema = {name: list(table.columns) for name, table in TABLES.items()}

    def translate(self, text: str, cursor: "duckdb.DuckDBPyConnection", now: datetime) -> Translated:
        """Return the statement for *text*. Raises QueryError in Log Analytics' words."""
        if made := self._made.get(text):
            return made
        _refuse_at_sight(text)
        shape = shape_of(text)
        if shape and (plan := self._plan(shape, cursor, now)):
            return Translated(plan.sql(shape.moments), frozenset())
        made = self._guarded(self._to_sql(text, now), cursor)
        if shape and not made.parameters:
            self._first.put(shape.form, (shape, made.sql))
        return self._made.put(text, made)

    def _plan(self, shape: Shape, cursor: "duckdb.DuckDBPyConnection", now: datetime) -> Plan | None:
        """Return the plan of *shape*, made when it is asked for the second time; None before, and where there is none."""
        if known := self._plans.get(shape.form):
            return known[0]
        if not (first := self._first.get(shape.form)):
            return None
        # Guarded like the statements it makes: those differ in the moments only.
        plan = plan_of(*first, lambda text: self._guarded(self._to_sql(text, now), cursor).sql)
        return self._plans.put(shape.form, (plan,))[0]

    def _to_sql(self, text: str, now: datetime) -> "tuple[str, frozenset[str]]":
        import duckdb_kql

        try:
            found = duckdb_kql.to_sql(
                text,
                schema=self._schema,
                allow_write=False,
                query_now=now,
                clusters={},
                entity_groups={},
                functions=[],
            )
        except duckdb_kql.KqlSyntaxError as exc:
            raise _syntax(text, exc) from None
        except duckdb_kql.KqlUnsupportedError as exc:
            raise errors.unsupported(_construct(exc.construct), exc.hint or "not translated") from None
        except duckdb_kql.KqlSchemaError as exc:
            raise _schema(exc.name, exc.hint or "") from None
        except RecursionError:
            raise errors.bad_argument(
                "The query is nested too deeply. Split it with let statements."
            ) from None
        except (ValueError, OverflowError, TypeError, KeyError, IndexError, AttributeError) as exc:
            raise errors.unsupported("this query", f"its translation failed: {exc}") from None
        if found.unbound or found.declarations:
            raise errors.bad_argument("Query parameters are not part of the Log Analytics query API.")
        return tune(str(found)), frozenset(found.parameters)

    def _guarded(self, made: "tuple[str, frozenset[str]]", cursor: "duckdb.DuckDBPyConnection") -> Translated:
        sql, parameters = made
        row = cursor.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
        assert row is not None, "a scalar SELECT has one row"
        tree = orjson.loads(row[0])
        if tree.get("error") or len(tree.get("statements", ())) != 1:
            raise errors.unsupported("this query", "its translation is not one SELECT statement")
        names: set[str] = set()
        own: set[str] = set()
        for node in _nodes(tree):
            if node.get("type") == "BASE_TABLE":
                if node.get("catalog_name") or node.get("schema_name"):
                    raise _unknown_table(f"{node['schema_name']}.{node['table_name']}")
                names.add(node["table_name"])
            elif node.get("type") == "TABLE_FUNCTION":
                function = str(node.get("function", {}).get("function_name", "")).lower()
                if function not in TABLE_FUNCTIONS:
                    raise errors.unsupported(
                        f"the table function '{function}'", "not part of the translation"
                    )
            if isinstance(entries := node.get("cte_map"), dict):
                own |= {entry["key"] for entry in entries.get("map", ())}
        for name in sorted(names - own):
            if name not in TABLES:
                raise _unknown_table(name)
        return Translated(sql, parameters)


def visualization(text: str) -> dict[str, object] | None:
    """Return what the query's `render` asks for, as the `render` part of a reply; None when it has none."""
    bare = _COMMENT_OR_TEXT.sub(lambda found: "" if found[0].startswith("//") else found[0], text).strip()
    found = _RENDER.search(bare)
    if not found:
        return None
    chosen: dict[str, object] = {"visualization": found[1], "title": None, "xColumn": None, "yColumns": None}
    for name, double, single, plain in _SETTING.findall(found[2] or ""):
        chosen[name] = double or single or plain
    return chosen


def _refuse_at_sight(text: str) -> None:
    if not text.strip():
        raise errors.bad_argument("The query is empty.")
    if len(text) > MAX_QUERY_CHARACTERS:
        raise errors.bad_argument(f"The query is longer than {MAX_QUERY_CHARACTERS} characters.")
    if "\x00" in text:
        raise errors.bad_argument("The query holds a null character.")
    bare = _COMMENT_OR_TEXT.sub("", text).lstrip("\ufeff \t\r\n;")
    if bare.startswith(".") or text.lstrip("\ufeff \t\r\n").startswith("."):
        raise errors.bad_argument("Control commands are not part of the query API.")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON tree; without recursion, because queries nest deeper than Python may."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _syntax(text: str, exc: Any) -> errors.QueryError:
    if not exc.diagnostics:
        return errors.syntax_error(str(exc)[:300], 1, 0, "")
    first = exc.diagnostics[0]
    line, column = first.span.line, first.span.column
    lines = text.splitlines() or [""]
    rest = lines[line - 1][column:] if 0 < line <= len(lines) else ""
    found = re.match(r"\w+|\S", rest)
    message = first.message.partition(" expecting ")[0]
    return errors.syntax_error(message[:300], line, column, found[0] if found else "<EOF>")


def _construct(name: str) -> str:
    kind, _, function = name.partition(":")
    return f"the function '{function}'" if function else f"'{name}'" if kind else "this query"


def _schema(name: str, hint: str) -> errors.QueryError:
    if hint.startswith("unknown table"):
        return _unknown_table(name)
    return errors.semantic_error(f"'{name}': {hint.partition('. KQL')[0]}")


def _unknown_table(name: str) -> errors.QueryError:
    return errors.semantic_error(
        f"'where' operator: Failed to resolve table or column expression named '{name}'. "
        f"Local Azure has {', '.join(sorted(TABLES))}."
    )
