"""Looks into HTML pages, as strictly as a test wants to."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "img", "br", "link", "hr", "input"})
_FETCHING = frozenset({"src", "href", "srcset", "data", "action", "poster", "xlink:href"})


@dataclass(slots=True)
class Page:
    """What a page holds."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    unclosed: list[str] = field(default_factory=list)
    crossed: list[str] = field(default_factory=list)
    """End tags that close something else than was opened last."""

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of this kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def fetched(self) -> list[str]:
        """Everything that a browser would fetch, but for what is in the page itself."""
        return [
            value or ""
            for _, attributes in self.tags
            for name, value in attributes.items()
            if name in _FETCHING and not (value or "").startswith(("data:", "#"))
        ]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.page.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.page.unclosed and self.page.unclosed[-1] == tag:
            self.page.unclosed.pop()
        else:
            self.page.crossed.append(tag)

    def handle_data(self, data: str) -> None:
        self.page.text += data


def parse(text: str) -> Page:
    """Read a page."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    return parser.page


def assert_stands_alone(text: str) -> Page:
    """Check that a page is well-formed, fetches nothing and runs nothing."""
    page = parse(text)
    assert page.unclosed == []
    assert page.crossed == []
    assert page.fetched() == []
    assert page.all("script") == []
    assert "url(" not in text
    assert "@import" not in text
    return page
