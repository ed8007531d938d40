"""The tags there are, by name. To add one: write its class in `tags/`, its template, and a row."""

from tasks.interfaces.nodes import Tag
from tasks.interfaces.tags.choices import Choice, Choices
from tasks.interfaces.tags.layout import Header, View
from tasks.interfaces.tags.number import Number
from tasks.interfaces.tags.objects import Image, Text
from tasks.interfaces.tags.rating import Rating
from tasks.interfaces.tags.text_area import TextArea

TAGS: dict[str, type[Tag]] = {
    tag.tag: tag for tag in (View, Header, Text, Image, Choices, Choice, Rating, TextArea, Number)
}

# Label Studio's attributes of every tag, in lower case. Looks are ours: no client CSS is applied.
COMMON_IGNORED = frozenset({"classname", "idattr", "style"})
COMMON_UNSUPPORTED = frozenset(
    {
        "peritem",
        "perregion",
        "visiblewhen",
        "whenchoicevalue",
        "whenlabelvalue",
        "whenrole",
        "whentagname",
    }
)

# Label Studio's other tags: named as such, so that nobody looks for a typing error.
_OTHER_TAGS = """
    Audio AudioPlus Bitmask BitmaskLabels Brush BrushLabels Bucket Channel Chat Collapse Cube
    CubeLabels DateTime Ellipse EllipseLabels Filter HyperText HyperTextLabels KeyPoint
    KeyPointLabels Label Labels List MagicWand Markdown MultiChannel Object3D OcrLabels Pairwise
    ParagraphLabels Paragraphs Pdf Polygon PolygonLabels Ranker ReactCode Rectangle
    RectangleLabels Relation Relations Repeater Shortcut Style Table Taxonomy TimeSeries
    TimeSeriesLabels TimelineLabels Vector VectorLabels Video VideoRectangle VideoVector
    VideoVectorLabels
"""
UNSUPPORTED_TAGS = frozenset(_OTHER_TAGS.split())

_HTML_TAGS = """
    a abbr address applet area article aside audio b base blockquote body br button canvas center
    cite code col data dd del details dfn dialog div dl dt em embed fieldset figcaption figure font
    footer form frame frameset h1 h2 h3 h4 h5 h6 head hr html i iframe img input ins kbd label
    legend li link main map mark math menu meta meter nav noscript object ol optgroup option output
    p param picture pre progress q s samp script section select small source span strong style sub
    summary sup svg table tbody td template tfoot th thead time title tr track u ul var video wbr
"""
HTML_TAGS = frozenset(_HTML_TAGS.split())
