"""The records of an XML file, streamed: RSS and Atom product feeds, and plain lists of records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any
from xml.sax import SAXException  # the parser is defusedxml's
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

MOST_DEPTH = 100
CELL_CHARACTERS = 4 << 20
HEAD_BYTES = 1 << 20
GOOGLE = "http://base.google.com/ns/1.0"
RECORDS = ("item", "entry", "product", "offer", "shopitem", "article", "record", "row", "event")
"""Usual names of a record's element; of several elements that may be records, these are preferred."""
NAMED = {"name", "key", "label"}


def read_markup(pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Reads the records of XML.

    A record is a dictionary of its children by name, with prefixes as written (``g:price``; another prefix of Google's
    namespace becomes ``g``). Children of one name are a list, a child with children is a dictionary. Attributes of the
    record are values by name, those of a child ``child@attribute``; a child that an attribute names, such as
    ``<param name="Colour">red</param>``, is ``{"name": "Colour", "value": "red"}``.

    Raises:
        ValueError: It is no XML from some place on, nested too deeply, or declares entities.
    """
    head: list[bytes] = []
    while sum(map(len, head)) < HEAD_BYTES and (piece := next(pieces, b"")):
        head.append(piece)
    shape = _Shape()
    problem = _fed(_parser(), shape, head)
    record = shape.record()
    if record is None:
        raise ValueError(problem or "no element in it is a record")
    reader, parser, problem = _Reader(record), _parser(), ""
    for piece in chain(head, pieces, [b""]):
        problem = _fed(parser, reader, [piece])
        yield from reader.done
        reader.done = []
        if problem:
            raise ValueError(problem)


def _parser() -> Any:
    return DefusedExpatParser(forbid_external=False)  # a DTD may be named; it is never fetched


def _fed(parser: Any, handler: ContentHandler, pieces: list[bytes]) -> str:
    """Feeds a parser, and ends it with an empty piece; what was wrong with the XML."""
    parser.setContentHandler(handler)
    try:
        for piece in pieces:
            if piece:
                parser.feed(piece)
            else:
                parser.close()
    except DefusedXmlException:
        return "it declares entities, which can be made to take all memory; write them out"
    except SAXException as error:
        return f"no XML: {error.getMessage()} in line {parser.getLineNumber()}"
    except (ValueError, LookupError) as error:
        return str(error)
    return ""


class _Shape(ContentHandler):
    """Which elements there are: how many of each path, with which children and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self._path: tuple[str, ...] = ()
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._fields: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self._fields[self._path].add(name)
        self._path = (*self._path, name)
        if len(self._path) > MOST_DEPTH:
            raise ValueError(f"elements are nested more than {MOST_DEPTH} deep")
        self._counts[self._path] += 1
        self._fields[self._path].update(f"@{name}" for name in attrs.keys() if not name.startswith("xmlns"))  # noqa: SIM118

    def endElement(self, name: str) -> None:  # noqa: N802
        self._path = self._path[:-1]

    def record(self) -> tuple[str, ...] | None:
        """The path of the records: not deep, of a usual name, or else repeated."""

        def usual(path: tuple[str, ...]) -> bool:
            return path[-1].rpartition(":")[2].casefold() in RECORDS

        some = [path for path in self._counts if len(self._fields[path]) > 1]
        good = [path for path in some if len(path) > 1 and (usual(path) or self._counts[path] > 1)]
        # One record of any name: the shallowest element whose children have none.
        good = good or [path for path in some if not any(self._fields[(*path, name)] for name in self._fields[path])]
        return min(good, key=lambda path: (len(path), not usual(path), -self._counts[path]), default=None)


class _Reader(ContentHandler):
    """Makes a dictionary of each record's element."""

    def __init__(self, record: tuple[str, ...]) -> None:
        super().__init__()
        self.done: list[dict[str, Any]] = []
        self._record = record
        self._path: list[str] = []
        self._google = "g"
        self._open: list[tuple[dict[str, Any], dict[str, str], list[str]]] = []  # children, attributes, text
        self._size = 0

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        self._path.append(name)
        if len(self._path) > MOST_DEPTH:
            raise ValueError(f"elements are nested more than {MOST_DEPTH} deep")
        given = dict(attrs.items())
        for key, value in given.items():
            if key.startswith("xmlns:") and value.rstrip("/") == GOOGLE:
                self._google = key.removeprefix("xmlns:")
        if self._open or tuple(self._path) == self._record:
            self._size = 0 if not self._open else self._size
            own = {key: value for key, value in given.items() if not key.startswith(("xmlns", "xml:"))}
            self._open.append(({}, own, []))

    def characters(self, content: str) -> None:
        if self._open:
            self._open[-1][2].append(content)
            self._size += len(content)
            if self._size > CELL_CHARACTERS:
                raise ValueError(f"a record has more than {CELL_CHARACTERS:,} characters")

    def endElement(self, name: str) -> None:  # noqa: N802
        self._path.pop()
        if not self._open:
            return
        children, attributes, pieces = self._open.pop()
        text = "".join(pieces).strip()
        if not self._open:
            own = {(f"@{key}" if key in children else key): value for key, value in attributes.items()}
            self.done.append({**own, **children} if children or own else {"value": text})
            return
        prefix, _, local = name.rpartition(":")
        name = f"g:{local}" if prefix == self._google else name
        siblings = self._open[-1][0]
        if children or (attributes and (not text or NAMED & attributes.keys())):
            value: Any = {**attributes, **children, **({"value": text} if text else {})}
        else:
            value = text
            for key, content in attributes.items():
                siblings.setdefault(f"{name}@{key}", content)
        if name not in siblings:
            siblings[name] = value
        elif isinstance(siblings[name], list):
            siblings[name].append(value)
        else:
            siblings[name] = [siblings[name], value]
