"""The service's properties: logging, metrics and CORS rules. They are kept, CORS is obeyed, no log is written.

Source: learn.microsoft.com/rest/api/storageservices/set-queue-service-properties
"""

from emulator.queues import errors
from emulator.queues.xml import DECLARATION, Node, element, parse

ROOT = "StorageServiceProperties"
SECTIONS = ("Logging", "HourMetrics", "MinuteMetrics", "Cors")
MAX_CORS_RULES = 5
MAX_RETENTION_DAYS = 365
METHODS = {"DELETE", "GET", "HEAD", "MERGE", "POST", "OPTIONS", "PUT", "PATCH"}
_OFF = "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
_NO_METRICS = f"<Version>1.0</Version><Enabled>false</Enabled>{_OFF}"
DEFAULTS = {
    "Logging": f"<Version>1.0</Version><Delete>false</Delete><Read>false</Read><Write>false</Write>{_OFF}",
    "HourMetrics": _NO_METRICS,
    "MinuteMetrics": _NO_METRICS,
    "Cors": "",
}
CORS_PARTS = ("AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposedHeaders", "MaxAgeInSeconds")


def render_properties(sections: dict[str, str]) -> bytes:
    """Return the document; *sections* maps the name of a section to the XML inside it."""
    inner = "".join(f"<{name}>{sections[name]}</{name}>" for name in SECTIONS)
    return f"{DECLARATION}<{ROOT}>{inner}</{ROOT}>".encode()


def read_properties(body: bytes) -> dict[str, str]:
    """Return the sections that *body* sets, checked and written anew. Raises WireError 400."""
    document = parse(body, ROOT)
    sections: dict[str, str] = {}
    for node in document.children:
        if node.tag == "Logging":
            sections[node.tag] = _logging(node)
        elif node.tag in ("HourMetrics", "MinuteMetrics"):
            sections[node.tag] = _metrics(node)
        elif node.tag == "Cors":
            sections[node.tag] = _cors(node)
        else:
            raise errors.invalid_xml(f"{node.tag} is not a part of {ROOT}.")
    return sections


def _logging(node: Node) -> str:
    flags = "".join(element(tag, _flag(node.required(tag))) for tag in ("Delete", "Read", "Write"))
    return _version(node) + flags + _retention(node)


def _metrics(node: Node) -> str:
    enabled = _flag(node.required("Enabled"))
    if (apis := node.child("IncludeAPIs")) is not None:
        kept = element("IncludeAPIs", _flag(apis)) if enabled == "true" else ""
    elif enabled == "true":
        raise errors.missing_xml_node("IncludeAPIs")
    else:
        kept = ""
    return _version(node) + element("Enabled", enabled) + kept + _retention(node)


def _cors(node: Node) -> str:
    if len(node.children) > MAX_CORS_RULES:
        raise errors.invalid_xml(f"At most {MAX_CORS_RULES} CORS rules can be set.")
    rules = []
    for rule in node.children:
        if rule.tag != "CorsRule":
            raise errors.invalid_xml(f"{rule.tag} is not a CorsRule.")
        parts = {tag: _text(rule.required(tag)) for tag in CORS_PARTS}
        if not parts["AllowedOrigins"]:
            raise errors.invalid_xml_value("AllowedOrigins", "", "At least one origin, or *.")
        methods = [name.strip() for name in parts["AllowedMethods"].split(",")]
        if not set(methods) <= METHODS:
            raise errors.invalid_xml_value(
                "AllowedMethods", parts["AllowedMethods"], f"One or more of {', '.join(sorted(METHODS))}."
            )
        _number("MaxAgeInSeconds", parts["MaxAgeInSeconds"], 0, 2**31 - 1)
        inner = "".join(element(tag, value) for tag, value in parts.items())
        rules.append(f"<CorsRule>{inner}</CorsRule>")
    return "".join(rules)


def _retention(node: Node) -> str:
    policy = node.required("RetentionPolicy")
    enabled = _flag(policy.required("Enabled"))
    if enabled == "false":
        return _OFF
    days = _text(policy.required("Days"))
    _number("Days", days, 1, MAX_RETENTION_DAYS)
    return f"<RetentionPolicy><Enabled>true</Enabled>{element('Days', days)}</RetentionPolicy>"


def _version(node: Node) -> str:
    version = _text(node.required("Version"))
    if version != "1.0":
        raise errors.invalid_xml_value("Version", version, "The only version is 1.0.")
    return element("Version", version)


def _flag(node: Node) -> str:
    value = _text(node).lower()
    if value not in ("true", "false"):
        raise errors.invalid_xml_value(node.tag, node.text, "true or false.")
    return value


def _number(name: str, text: str, lowest: int, highest: int) -> None:
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise errors.invalid_xml_value(name, text, f"A whole number from {lowest} to {highest}.")


def _text(node: Node) -> str:
    text = node.text.strip()
    if not text.isprintable():  # these texts become response headers
        raise errors.invalid_xml_value(node.tag, text, "No line breaks or other control characters.")
    return text
