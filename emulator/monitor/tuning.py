"""Makes the translator's SQL cheaper without changing what it means.

duckdb-kql writes expressions that hold for values of every type, known or not. Where the type is plain from the text
the same value is to be had for a tenth of the time; the tests compare both forms value by value. A text in the query
cannot be mistaken for one of these expressions: inside an SQL string every quote is doubled.
"""

import re

_BIN = re.compile(
    r"to_timestamp\(floor\(epoch\((\"\w+\")\) / epoch\(INTERVAL '(\d+(?:\.\d+)?[a-z]+|\d\d:\d\d:\d\d(?:\.\d+)?)'\)\)"
    r" \* epoch\(INTERVAL '\2'\)\) AT TIME ZONE 'UTC'"
)
_PATH = re.compile(r"json_extract\((\"\w+\"), ('\$[^']*')\) ->> '\$'")
_TEXT = r"coalesce\(\(\"\w+\" ->> '\$[^']*'\), ''\)"
_WHOLE = r"'\^\\s\*\[\+-\]\?\(\[0-9\]\+\|0\[xX\]\[0-9a-fA-F\]\+\)\\s\*\$'"
# What tolong() and toint() do with a text is one branch of the long CASE that they are translated to.
_NUMBER = re.compile(
    rf"list_transform\(\[({_TEXT})\], lambda _v: CASE WHEN typeof\(_v\) IN \('DOUBLE', 'FLOAT'\)"
    rf"(?:(?!lambda _v:).)*?WHEN typeof\(_v\) = 'VARCHAR' THEN CASE WHEN regexp_matches\(CAST\(_v AS VARCHAR\), ({_WHOLE})\)"
    r" THEN TRY_CAST\(trim\(CAST\(_v AS VARCHAR\)\) AS (BIGINT|INTEGER)\) END WHEN typeof\(_v\) = 'JSON'"
    r"(?:(?!lambda _v:).)*?WHEN typeof\(_v\) LIKE '%INT%' THEN (?:TRY_CAST\(_v AS BIGINT\)|list_transform\((?:(?!lambda _v:).)*?\)\[1\])"
    r" END\)\[1\]",
    re.DOTALL,
)
_REAL = re.compile(
    rf"list_transform\(\[({_TEXT})\], lambda _v: CASE typeof\(_v\) WHEN 'INTERVAL' THEN CAST\(\(epoch_us\((?:(?!lambda _v:).)*?"
    r" ELSE TRY_CAST\(_v AS DOUBLE\) END ELSE TRY_CAST\(_v AS DOUBLE\) END\)\[1\]",
    re.DOTALL,
)
# A moment that is written out in full needs none of the forms that a shorter one might have.
_MOMENT = re.compile(
    r"COALESCE\(TRY_CAST\('(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)' AS TIMESTAMPTZ\) AT TIME ZONE 'UTC',"
    r" try_strptime\(CAST\('\1' AS VARCHAR\), \[[^\]]*\]\)\)"
)


def tune(sql: str) -> str:
    """Return *sql* with its expensive habits replaced: moments, bin(), and what is read out of a dynamic column."""
    sql = _MOMENT.sub(r"TRY_CAST('\1' AS TIMESTAMP)", sql)
    sql = _BIN.sub(r"time_bucket(INTERVAL '\2', \1, TIMESTAMP '1970-01-01')", sql)
    sql = _PATH.sub(r"(\1 ->> \2)", sql)
    sql = _NUMBER.sub(_as_number, sql)
    return _REAL.sub(r"TRY_CAST(\1 AS DOUBLE)", sql)


def _as_number(found: re.Match[str]) -> str:
    value, pattern, kind = found.groups()
    return f"CASE WHEN regexp_matches({value}, {pattern}) THEN TRY_CAST(trim({value}) AS {kind}) END"
