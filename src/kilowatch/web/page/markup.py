"""Elements of HTML as plain as they are: text stays text, attributes are values and never parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

if TYPE_CHECKING:
    from collections.abc import Callable


class Tag(TextElement):
    """An element of HTML."""

    def attribute(self, name: str, value: str | bool | None = None) -> Tag:
        """Set an attribute, or take it away; the browser hears of it only where it is another than before."""
        if value is None or value is False:
            if name in self.props:
                del self.props[name]
        elif self.props.get(name) != value:
            self.props[name] = value
        return self

    def say(self, text: str) -> Tag:
        """Set the text; the browser hears of it only where it is another than before."""
        if self.text != text:
            self.set_text(text)
        return self

    def dress(self, classes: str) -> Tag:
        """Set the classes, and no others."""
        if list(self.classes) != classes.split():
            self.classes(replace=classes)
        return self


def tag(name: str, text: str = "", classes: str = "", **attributes: str | bool | None) -> Tag:
    """Return a new element; attributes are written with underscores for dashes."""
    made = Tag(tag=name, text=text)
    made.classes(classes)
    for key, value in attributes.items():
        made.attribute(key.strip("_").replace("_", "-"), value)
    return made


def mark(shape: str) -> Tag:
    """Return one of the shapes that stand beside a word; who cannot see it loses nothing."""
    return tag("span", "", f"mark mark-{shape}", aria_hidden="true")


def link(text: str, href: str, classes: str = "") -> Tag:
    """Return a link to another page of ours."""
    return tag("a", text, classes, href=href)


def button(text: str, on_click: Callable[[], object], classes: str = "button", shape: str = "") -> Tag:
    """Return a button with a word on it, and a shape before it where one is named."""
    made = tag("button", "" if shape else text, classes, type="button")
    made.on("click", lambda _: on_click())
    if shape:
        with made:
            mark(shape)
            tag("span", text)
    return made


def fact(name: str, value: str) -> Tag:
    """Return the value of a new line in a list of facts."""
    with tag("div", "", "fact"):
        tag("dt", name)
        return tag("dd", value)


def table(heads: tuple[str, ...], caption: str) -> Tag:
    """Return the body of a new table; its caption is for who does not see it."""
    with tag("div", "", "scrolls"), tag("table"):
        tag("caption", caption, "unseen")
        with tag("thead"), tag("tr"):
            for head in heads:
                tag("th", head, scope="col")
        return tag("tbody")


def toast(text: str, *, is_bad: bool = False) -> None:
    """Tell briefly what became of a click."""
    ui.notify(text, type="negative" if is_bad else None, position="bottom", timeout=6000, classes="toast")
