import re

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
NUCLIDE = re.compile(r"^(?P<element>[A-Z][a-z]?)-(?P<mass>\d+m?)$")


@register.filter
def with_nuclide(agent: str, nuclide: str) -> SafeString:
    """Write an agent with its nuclide as the field does: mass number raised, then element and agent.

    An agent that already names its nuclide ("177Lu-DOTATATE", "Lu-177 DOTATATE") is not given a second one.
    """
    match = NUCLIDE.match(nuclide)
    if match is None:
        return format_html("{}", agent)
    element, mass = match["element"], match["mass"]
    bare = re.sub(rf"^\[?({mass}{element}|{element}-?{mass})\]?[\s-]*(?:{element}-)?", "", agent)
    return format_html("<sup>{}</sup>{}{}{}", mass, element, "-" if bare else "", bare)


@register.filter
def person_name(name: str) -> str:
    """Write a name as people do: the carets of DICOM become a comma and spaces."""
    family, *others = (part.strip() for part in name.split("^"))
    given = " ".join(part for part in others if part)
    return f"{family}, {given}" if given else family
