"""Pages taken apart by the standard library's HTML parser: well nested, and what stands in them."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img", "hr"}
SVG = {"path", "rect", "line", "circle"}


class Document(HTMLParser):
    """A page.

    Attributes:
        tags: Each start tag with its attributes.
        texts: Text by the tag it stands in.
        faults: Tags that close what is not open.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> stays open" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> within {self._open[-3:]}")
            if tag in self._open:
                while self._open.pop() != tag:
                    pass
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self) -> str:
        return " ".join(" ".join(data) for tag, data in self.texts.items() if tag not in ("script", "style"))

    def loaded(self) -> list[str]:
        """Addresses that the page would load by itself."""
        found = []
        for tag, attributes in self.tags:
            names = ("src", "srcset", "poster", "data", "background") + (("href",) if tag in ("link", "use") else ())
            found += [str(attributes[name]) for name in names if attributes.get(name)]
        return [address for address in found if address != "data:,"]

    def handlers(self) -> list[str]:
        return [name for _, attributes in self.tags for name in attributes if name.startswith("on")]
