"""A page's draft: the text of what Streamlit was told to draw, as HTML that a browser shows at once.

It has the boxes of Streamlit's front end at the same places (draft.css), the same words, and grey boxes for what is drawn
by scripts: whoever reads does not notice the moment in which the page itself takes its place.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.ButtonGroup_pb2 import ButtonGroup
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.GapSize_pb2 import GapConfig, GapSize
from streamlit.proto.Markdown_pb2 import Markdown
from streamlit.proto.Metric_pb2 import Metric
from streamlit.proto.PageConfig_pb2 import PageConfig

from ui.draft.words import UndrawnError, html_of, inline_of

MAIN = 0
GAPS_EM = {
    GapSize.NONE: 0.0,
    GapSize.XXSMALL: 0.25,
    GapSize.XSMALL: 0.5,
    GapSize.SMALL: 1.0,
    GapSize.MEDIUM: 2.0,
    GapSize.LARGE: 4.0,
}
JUSTIFIED = ("", "flex-start", "flex-end", "center", "space-between")
ALIGNED = ("", "flex-start", "flex-end", "center", "stretch")
ROOM_PX = 120  # from which a container in a row grows
UPRIGHT = ("flex-start", "center", "flex-end")
Flex, Grid = Block.FlexContainer, Block.GridContainer
ALERTS = {
    Alert.ERROR: "red",
    Alert.INFO: "blue",
    Alert.SUCCESS: "green",
}  # a warning's yellow is no colour of ours
DRAWN = {
    "empty",
    "alert",
    "plotly_chart",
    "markdown",
    "metric",
    "html",
    "skeleton",
    "page_link",
    "button_group",
    "button",
}


@dataclass
class Node:
    """What stands at a place: a container and what is in it, or an element."""

    block: Block = field(default_factory=Block)
    element: Element | None = None
    children: dict[int, "Node"] = field(default_factory=dict)


def html_of_page(messages: Iterable[ForwardMsg]) -> str:
    """Return the main part of the page that *messages* make. Raises UndrawnError when it is not written here how something in
    it is drawn: half of a page, or one that moves, would be worse than none."""
    root, links = Node(), dict[str, str]()
    wide = False
    for message in messages:
        match message.WhichOneof("type"):
            case "new_session":
                root = Node()
            case "page_config_changed":
                wide = message.page_config_changed.layout == PageConfig.Layout.WIDE
            case "navigation":
                links = {one.page_script_hash: one.url_pathname for one in message.navigation.app_pages}
            case "delta":
                _put(root, message)
    if not wide:
        raise UndrawnError("a narrow page")
    main = root.children.get(MAIN, Node())
    return "".join(_child(node, Flex.VERTICAL, links) for node in _in_order(main))


def _put(root: Node, message: ForwardMsg) -> None:
    *above, place = message.metadata.delta_path
    node = root
    for one in above:
        node = node.children.setdefault(one, Node())
    match message.delta.WhichOneof("type"):
        case "add_block":
            known = node.children.get(place)
            kept = known.children if known is not None and known.element is None else {}
            node.children[place] = Node(message.delta.add_block, None, kept)
        case "new_element":
            new, known = message.delta.new_element, node.children.get(place)
            is_held = known is not None and known.element is not None and _kind(known.element) == "skeleton"
            if (
                not is_held or _kind(new) in DRAWN
            ):  # else a widget: the box that held its place goes on standing for it
                node.children[place] = Node(element=new)


def _kind(element: Element) -> str:
    return element.WhichOneof("type") or ""


def _in_order(node: Node) -> list[Node]:
    return [node.children[place] for place in sorted(node.children)]


# Containers ------------------------------------------------------------------------------------------------------------


def _child(node: Node, direction: int, links: Mapping[str, str]) -> str:
    if node.element is not None:
        return _element(node.element, direction, links)
    kind = node.block.WhichOneof("type") or ""
    draw = CONTAINERS.get(kind)
    if draw is None:
        raise UndrawnError(kind)
    return draw(node, direction, links)


def _flex(node: Node, direction: int, links: Mapping[str, str]) -> str:
    flex = node.block.flex_container
    is_row = flex.direction == Flex.HORIZONTAL
    if not node.children and not node.block.allow_empty and not node.block.height_config.pixel_height:
        return ""  # nor is there a gap for it
    inside = "".join(_child(one, flex.direction, links) for one in _without_grid(_in_order(node)))
    name = "row" if is_row else "column"
    name += " border" if flex.border else ""
    name += " unwrapped" if is_row and not flex.wrap else ""
    style = f"gap:{_gap(flex.gap_config)};{_size(node.block, direction)}"
    if flex.justify:
        style += f";justify-content:{JUSTIFIED[flex.justify]}"
    if flex.align:
        style += f";align-items:{ALIGNED[flex.align]}"
    return f'<div class="{name}" style="{style}">{inside}</div>'


def _without_grid(nodes: list[Node]) -> list[Node]:
    """Return *nodes*; of a table that is there as text and as a grid (ui/tables.py), the text."""
    kinds = {_kind(node.element) for node in nodes if node.element is not None}
    return [
        one
        for one in nodes
        if one.element is None or _kind(one.element) != "dataframe" or "html" not in kinds
    ]


def _grid(node: Node, direction: int, links: Mapping[str, str]) -> str:
    grid = node.block.grid_container
    gap = _gap(grid.column_gap_config)
    upright = (
        f' style="justify-content:{UPRIGHT[grid.vertical_alignment]}"' if grid.vertical_alignment else ""
    )
    cells = "".join(
        f'<div class="column"{upright}>{_child(one, Flex.VERTICAL, links)}</div>' for one in _in_order(node)
    )
    share = f"(100% - {grid.columns - 1}*{gap})/{grid.columns}" if grid.columns else "0px"
    narrowest = f"min(100%,max({grid.min_column_width_px}px,{share}))"
    columns = f"repeat(auto-fill,minmax({narrowest},1fr))"
    rows = _gap(grid.row_gap_config)
    style = f"grid-template-columns:{columns};gap:{rows} {gap};{_size(node.block, direction)}"
    if grid.row_height_mode == Grid.FIXED and grid.row_height_config.pixel_height:
        style += f";grid-auto-rows:{grid.row_height_config.pixel_height}px"
    return f'<div class="grid" style="{style}">{cells}</div>'


def _tabs(node: Node, direction: int, links: Mapping[str, str]) -> str:
    wanted = node.block.tab_container.default_tab_label
    tabs = _in_order(node)
    if not tabs:
        raise UndrawnError("tabs without one")
    shown = next((tab for tab in tabs if tab.block.tab.label == wanted), tabs[0])
    heads = "".join(
        f'<span class="{"open" if tab is shown else ""}">{inline_of(tab.block.tab.label)}</span>'
        for tab in tabs
    )
    inside = "".join(_child(one, Flex.VERTICAL, links) for one in _in_order(shown))
    return f'<div style="{_size(node.block, direction)}"><div class="tabs">{heads}</div><div class="column panel">{inside}</div></div>'


def _fold(node: Node, direction: int, _: Mapping[str, str]) -> str:
    fold = node.block.expandable
    if fold.expanded or fold.type != Block.Expandable.COMPACT:
        raise UndrawnError("expandable")
    icon = "<i class=icon></i>" if fold.icon else ""
    return f'<div class="fold" style="{_size(node.block, direction)}">{icon}<span>{inline_of(fold.label)}</span></div>'


def _popover(node: Node, direction: int, _: Mapping[str, str]) -> str:
    said = node.block.popover
    return _press(said.label, said.icon, said.type, _size(node.block, direction), opens=True)


CONTAINERS: Mapping[str, Callable[[Node, int, Mapping[str, str]], str]] = {
    "flex_container": _flex,
    "grid_container": _grid,
    "tab_container": _tabs,
    "expandable": _fold,
    "popover": _popover,
}


# Elements --------------------------------------------------------------------------------------------------------------


def _element(element: Element, direction: int, links: Mapping[str, str]) -> str:
    size = _size(element, direction)
    match _kind(element):
        case "empty":
            return ""
        case "markdown":
            return f'<div style="{size}">{_markdown(element.markdown)}</div>'
        case "alert":
            return f'<div style="{size}">{_alert(element.alert)}</div>'
        case "metric":
            return _metric(element.metric, size)
        case "html":
            return f'<div style="{size}">{element.html.body}</div>'  # of ui/sheet.py, ui/charts/picture.py, ui/charts/sparkline.py
        case "skeleton":
            own = f";height:{element.skeleton.height}px" if element.skeleton.height else ""
            return f'<div class="box" style="{size}{own}"></div>'
        case "page_link":
            link = element.page_link
            address = f"/{links.get(link.page_script_hash, '')}"
            address += f"?{link.query_string}" if link.query_string else ""
            icon = "<i class=icon></i>" if link.icon else ""
            return (
                f'<div class="link" style="{size}"><a tabindex="-1" href="{escape(address)}">'
                f"{icon}{inline_of(link.label)}</a></div>"
            )
        case "plotly_chart":
            return f'<div style="{size}"></div>'
        case "button_group":
            return f'<div class="group" style="{size}">{_choices(element.button_group)}</div>'
        case "button":
            button = element.button
            return _press(button.label, button.icon, button.type, size)
    raise UndrawnError(_kind(element))


def _markdown(markdown: Markdown) -> str:
    if markdown.element_type not in (Markdown.Type.NATIVE, Markdown.Type.CAPTION):
        raise UndrawnError(Markdown.Type.Name(markdown.element_type))
    name = "said caption" if markdown.element_type == Markdown.Type.CAPTION else "said"
    written = f'<div class="{name}">{html_of(markdown.body)}</div>'
    return f'<div class="helped">{written}{HELP}</div>' if markdown.help else written


def _alert(alert: Alert) -> str:
    colour = ALERTS.get(alert.format)
    if colour is None or alert.title:
        raise UndrawnError("alert")
    icon = "<i class=icon></i>" if alert.icon else ""
    return f'<div class="alert {colour}">{icon}<div class="said">{html_of(alert.body)}</div></div>'


def _metric(metric: Metric, size: str) -> str:
    delta = ""
    if metric.delta:
        arrow = {Metric.UP: "<u>↑</u>", Metric.DOWN: "<u>↓</u>"}.get(metric.direction, "")
        colour = Metric.MetricColor.Name(metric.color).lower()
        delta = f'<p><span class="badge delta {colour}">{arrow}{inline_of(metric.delta)}</span></p>'
    name = "metric border" if metric.show_border else "metric"
    helped = HELP if metric.help else ""
    return (
        f'<div class="{name}" style="{size}"><label><span>{inline_of(metric.label)}</span>{helped}</label>'
        f"<output>{inline_of(metric.body)}</output>{delta}</div>"
    )


def _choices(group: ButtonGroup) -> str:
    if group.style != ButtonGroup.SEGMENTED_CONTROL:
        raise UndrawnError("pills")
    return "".join(
        f'<span class="{"open" if place in group.default else ""}">{inline_of(one.content)}</span>'
        for place, one in enumerate(group.options)
    )


def _press(label: str, icon: str, kind: str, size: str, *, opens: bool = False) -> str:
    written = f"{'<i class=icon></i>' if icon else ''}<span>{inline_of(label)}</span>"
    more = "<i class=icon></i>" if opens else ""
    return f'<div style="{size}"><div class="press {escape(kind)}">{written}{more}</div></div>'


HELP = "<i class=help>?</i>"


# Sizes -----------------------------------------------------------------------------------------------------------------


def _gap(config: GapConfig) -> str:
    return f"{GAPS_EM.get(config.gap_size, 1.0):g}em"


def _size(sized: Block | Element, direction: int) -> str:
    """Return how wide and high it is, as style."""
    width, height = sized.width_config, sized.height_config
    is_block = isinstance(sized, Block)
    style = []
    if direction == Flex.HORIZONTAL:
        if width.pixel_width:
            style.append(f"flex:0 0 {width.pixel_width}px")
        elif width.use_content:
            style.append("flex:0 0 fit-content")
        else:
            style.append(f"flex:1 1 {f'{ROOM_PX}px' if is_block else 'fit-content'}")
    elif width.pixel_width:
        style.append(f"width:{width.pixel_width}px")
    else:
        style.append(f"width:{'fit-content' if width.use_content else '100%'}")
    if height.pixel_height:
        style.append(f"height:{height.pixel_height}px;overflow:hidden")
    elif height.use_stretch and direction == Flex.VERTICAL:
        style.append("flex:1 1 auto")
    return ";".join(style)
