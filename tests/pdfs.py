"""PDFs made by hand, as small as they can be."""

import base64
from io import BytesIO

from pypdf import PdfReader, PdfWriter

PAGES, FONT = 2, 3  # object numbers; the catalogue is 1


def pdf(*pages: str | None) -> bytes:
    """A PDF with a page for each text; None is a page with a drawing and no text."""
    first = FONT + 1
    places = [first + 2 * number for number in range(len(pages))]
    objects = [
        f"<</Type/Catalog/Pages {PAGES} 0 R>>",
        f"<</Type/Pages/Kids[{' '.join(f'{place} 0 R' for place in places)}]/Count {len(pages)}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    for place, text in zip(places, pages, strict=True):
        drawn = "0 0 m 9 9 l S" if text is None else _written(text)
        objects += [
            f"<</Type/Page/Parent {PAGES} 0 R/MediaBox[0 0 612 792]/Contents {place + 1} 0 R"
            f"/Resources<</Font<</F {FONT} 0 R>>>>>>",
            f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream",
        ]
    made, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(made))
        made += f"{number} 0 obj\n{content}\nendobj\n".encode("cp1252")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    tail = f"trailer<</Root 1 0 R/Size {len(objects) + 1}>>\nstartxref\n{len(made)}\n%%EOF\n"
    return made + (head + tail).encode()


def _written(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    lines = "".join(f"({line}) Tj T* " for line in escaped.split("\n"))
    return f"BT /F 12 Tf 14 TL 72 720 Td {lines}ET"


def locked(password: str, *pages: str | None) -> bytes:
    """The same, to be opened with a password; with an empty one it is locked against changes only."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf(*pages))))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def encoded(made: bytes) -> str:
    """As the client sends it."""
    return base64.b64encode(made).decode()
