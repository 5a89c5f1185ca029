"""The tables, and the statements that are compiled from them."""

from dataclasses import fields

from sqlalchemy import insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from addon.prompts.entry import Summary
from addon.prompts.log import statements, tables

SQLITE = sqlite.dialect()


def test_what_creates_the_tables_is_compiled_from_them() -> None:
    made = set()
    for table in tables.METADATA.sorted_tables:
        made.add(" ".join(str(CreateTable(table, if_not_exists=True).compile(dialect=SQLITE)).split()))
        made |= {str(CreateIndex(index, if_not_exists=True).compile(dialect=SQLITE)) for index in table.indexes}
    assert set(statements.TABLES) == made


def test_what_adds_to_them_is_compiled_from_them() -> None:
    told = {
        statements.ADD_EXCHANGE: insert(tables.EXCHANGES).values(
            dict.fromkeys((*statements.SUMMARY, *statements.DOCUMENT))
        ),
        statements.ADD_PACK: insert(tables.PACKS),
        statements.ADD_PIECE: insert(tables.PIECES),
        statements.ADD_REF: insert(tables.REFS),
        statements.ADD_SEGMENT: insert(tables.SEGMENTS).values(at=0),
        statements.ADD_WORD: insert(tables.WORDS).values(text=""),
        statements.FIND_WORD.replace("?", "'x'"): select(tables.WORDS.c.id).where(tables.WORDS.c.text == "x"),
    }
    for text, statement in told.items():
        compiled = str(statement.compile(dialect=SQLITE, compile_kwargs={"literal_binds": "SELECT" in text}))
        assert " ".join(compiled.split()).replace("words.", "") == text


def test_a_row_holds_all_of_a_summary() -> None:
    names = [column.name for column in tables.EXCHANGES.columns]
    assert names == [field.name for field in fields(Summary)] + list(statements.DOCUMENT)
