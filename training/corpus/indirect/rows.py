"""Indirect prompt injection: instructions to the reading AI inside content, and the same content without them.

Attacks and harmless lines go into the same carriers through the same wrappers, so that neither the carrier nor the
wrapper tells them apart, only what the inserted words ask of whom.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
SLOT = re.compile(r"<<([a-z]+)>>")

FIRST = (
    "Anna Ben Chidi Dana Emre Fatima Greta Hugo Ines Jamal Kaito Lea Mateo Nora Oskar Priya Quentin Rosa Samir Tove "
    "Uma Viktor Wanda Ximena Yusuf Zofia Aylin Bruno Carmen Dmitri Esther Farid Gwen Hassan Ivana Jiro"
).split()
LAST = (
    "Adler Bakker Costa Dahl Eriksen Fofana Grant Haddad Ibsen Jansen Kaya Lund Moreau Nowak Okoye Petrov Quinn Rossi "
    "Sato Torres Ueda Vargas Weber Xu Yilmaz Zimmer Abebe Brandt Conti Duarte Evans Flores"
).split()
COMPANY_A = "Nord Blue Alto Vera Quick Stone Lumen Cedar Prime Orbit Kestrel Harbor Maple Zephyr Delta Copper".split()
COMPANY_B = ["bank", " Logistics", "soft", " Energy", " & Sons", "cloud", " Travel", " Insurance", "mart", " Labs", " Ltd"]
PRODUCTS = [
    "the Arlo 2", "AquaPure", "SleepWell tea", "Glide X", "our coffee maker", "TurboClean", "FitBand 5", "the Kite tent",
    "NovaPhone", "the Delta plan", "PowerMix", "SilkSkin cream", "Brightlamp", "the Heron bike", "DataVault",
]
DOMAIN_A = "secure-sync files-drop cdn-check updates verify-now paste-it helpdesk quickdocs collect mirror-two apihub login-id".split()
DOMAIN_B = "example.com example.net example.org invalid.test example".split()
FILES = [
    "~/.aws/credentials", "secrets.yaml", "notes/private.md", "customers.csv", "C:\\Users\\me\\passwords.txt", ".env",
    "contracts/2024.pdf", "payroll.xlsx", "id_rsa", "/home/user/wallet.json", "tax/return.pdf", "config/prod.toml",
]
TOOLS = (
    "send_email transfer_funds delete_files share_folder http_post run_shell create_user export_contacts update_settings "
    "file.read payments.create admin_grant forward_mail browser_click write_memory calendar_invite"
).split()
CITIES = "Lisbon Oslo Leeds Kraków Lagos Quito Turin Ghent Pune Osaka Porto Dakar Riga Perth Lyon Bergen".split()
LANGUAGES = "French Latin Portuguese Finnish Korean Swahili Greek Welsh Turkish Hungarian".split()
WORDS = "BANANA LANTERN PURPLE ZEBRA HELLO OKAY42 SUNRISE MAGPIE VELVET TOKEN9 pwned quartz Kiwi ACCEPTED".split()
PACKAGES = "left-padder2 reqests-pro fastlog-js numpyx env-helper colour-util pytoolz".split()
MONTHS = "January March April June July September October December".split()


def fill(text: str, rng: random.Random) -> str:
    """Gives every slot its own value, so that names and numbers carry no signal."""

    def value(match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot == "name":
            return rng.choice([rng.choice(FIRST), f"{rng.choice(FIRST)} {rng.choice(LAST)}"])
        if slot == "company":
            return rng.choice(COMPANY_A) + rng.choice(COMPANY_B)
        if slot == "domain":
            return f"{rng.choice(DOMAIN_A)}.{rng.choice(DOMAIN_B)}"
        if slot == "email":
            return f"{rng.choice(FIRST).lower()}{rng.choice(['.', '_', ''])}{rng.choice(LAST).lower()}@{rng.choice(DOMAIN_A)}.{rng.choice(DOMAIN_B)}"
        if slot == "url":
            path = rng.choice(["", "/in", "/a/7", "/docs/start", f"/{rng.randrange(10_000)}", "/form"])
            return f"http{rng.choice(['', 's'])}://{rng.choice(DOMAIN_A)}.{rng.choice(DOMAIN_B)}{path}"
        if slot == "amount":
            number = rng.choice([rng.randrange(5, 99), rng.randrange(100, 9900), rng.randrange(10, 90) * 100])
            return rng.choice([f"{number} EUR", f"${number}", f"{number:,} dollars", f"£{number}.00", f"{number} euros"])
        if slot == "iban":
            return rng.choice(["DE", "GB", "FR", "NL"]) + "".join(f"{rng.randrange(100):02d}" for _ in range(rng.choice([8, 9, 10])))
        if slot == "num":
            return str(rng.randrange(10, 1000))
        if slot == "year":
            return str(rng.randrange(2001, 2027))
        if slot == "date":
            return f"{rng.randrange(1, 29)} {rng.choice(MONTHS)}"
        pools = {
            "product": PRODUCTS, "file": FILES, "tool": TOOLS, "city": CITIES, "language": LANGUAGES,
            "word": WORDS, "pkg": PACKAGES,
        }
        return rng.choice(pools[slot])

    return SLOT.sub(value, text)


def read_lines(name: str) -> list[tuple[str, str, str]]:
    """(family, language, text) of each line; `## family [language]` starts a section, a written \\n is a line break."""
    out: list[tuple[str, str, str]] = []
    family, lang = "", "en"
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            parts = line[3:].split()
            family, lang = parts[0], parts[1] if len(parts) > 1 else "en"
        elif line.strip():
            out.append((family, lang, line.replace("\\n", "\n")))
    return out


def read_blocks(name: str) -> list[tuple[str, str, str]]:
    """(kind, language, text) of each block; `=== kind [language]` starts one."""
    out: list[tuple[str, str, str]] = []
    for block in re.split(r"^=== ", (HERE / name).read_text(encoding="utf-8"), flags=re.M)[1:]:
        head, _, body = block.partition("\n")
        parts = head.split()
        out.append((parts[0], parts[1] if len(parts) > 1 else "en", body.rstrip("\n")))
    return out


TOOL_KINDS = {"json", "yaml", "xml", "csv", "log", "search", "listing", "http", "dom", "bank", "metadata", "calendar", "sheet", "ipynb"}
MARKUP = {"html", "xml"}
HASH = {"yaml", "config", "log"}
EMBEDDED = re.compile(r'(:\s?")((?:[^"\\]|\\.)*)(")')


def channel_of(kind: str, rng: random.Random) -> str:
    """Structured data mostly arrives from tools, prose mostly as a document, but either occurs."""
    likely_tool = kind.startswith("tool-") or kind in TOOL_KINDS
    if kind.startswith("tool-"):
        return "tool_result"
    return "tool_result" if rng.random() < (0.75 if likely_tool else 0.25) else "document"


PLAIN_WRAPS: list[str] = [
    "{}", "{}", "{}", "{}", "{}", "{}", "({})", "[{}]", "* {}", "- {}", "> {}", "**{}**", "_{}_", "P.S. {}", "PS: {}", "NB: {}",
    "Note: {}", "--\n{}", "---\n{}\n---", "\n\n\n{}\n\n\n", "\"{}\"", "“{}”", "=====\n{}\n=====", "### {}", "TODO: {}",
    "[ ] {}", "1. {}", "Comment: {}", "Edit: {}", "Update: {}", "Re: {}", "(small print) {}", "```\n{}\n```", "~~{}~~",
    "Footnote 1: {}", "<!-- {} -->", "<!--\n{}\n-->", "<note>{}</note>", "| {} |", "Signature: {}", "Fwd: {}", "[^1]: {}",
    "Caption: {}", "Disclaimer: {}", "+++ {} +++", "Reply from support: {}", "\u200b{}\u200b", "Attachment text: {}",
    "{}\nSent from my phone", "Alt: {}", "Page 2\n{}", "Remarks: {}", "Moderator note: {}", "<p hidden>{}</p>", "[End of page] {}",
]
HTML_WRAPS: list[str] = [
    "<!-- {} -->", "<p>{}</p>", '<span style="display:none">{}</span>', '<img src="a.png" alt="{}">', '<meta name="description" content="{}">',
    '<div style="color:#fff;font-size:1px">{}</div>', "<li>{}</li>", '<p aria-hidden="true">{}</p>', '<a href="#" title="{}">more</a>',
    "<noscript>{}</noscript>", '<input type="hidden" value="{}">', "<small>{}</small>", "<td>{}</td>", "<script>/* {} */</script>",
    '<div data-note="{}"></div>', "<blockquote>{}</blockquote>", '<section class="sr-only">{}</section>', "<template>{}</template>",
]
CODE_WRAPS: list[str] = ["# {}", "// {}", "/* {} */", "# NOTE: {}", "// TODO: {}", '"""{}"""', "-- {}", "# FIXME {}", "const NOTE = '{}';", "print('{}')"]
JSON_FIELDS = "note comment description message hint remarks summary info text details warning next_step system_note content status_text".split()


def one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text).strip()


def into_lines(body: str, piece: str, rng: random.Random) -> str:
    """Puts the piece before, between or after the lines, or at a sentence end inside one."""
    lines = body.split("\n")
    where = rng.random()
    if where < 0.3:
        spot = len(lines)
    elif where < 0.45:
        spot = 0
    elif where < 0.75:
        spot = rng.randrange(len(lines) + 1)
    else:
        ends = [m.end() for m in re.finditer(r"[.!?。！？](?=\s)", body)]
        if ends:
            at = rng.choice(ends)
            return body[:at] + " " + one_line(piece) + body[at:]
        spot = len(lines)
    return "\n".join(lines[:spot] + [piece] + lines[spot:])


def into_json(body: str, piece: str, rng: random.Random) -> str:
    """Appends to, replaces or adds a string field and keeps the text quoted as JSON would."""
    quoted = json.dumps(piece, ensure_ascii=rng.random() < 0.2)[1:-1]
    fields = list(EMBEDDED.finditer(body))
    if fields and rng.random() < 0.75:
        field = rng.choice(fields)
        old = field.group(2)
        new = rng.choice([f"{old} {quoted}", f"{quoted} {old}", quoted, f"{old}\\n\\n{quoted}"]).strip()
        return body[: field.start(2)] + new + body[field.end(2):]
    at = body.find("{") + 1
    return f'{body[:at]}"{rng.choice(JSON_FIELDS)}":"{quoted}",{body[at:]}' if at else into_lines(body, piece, rng)


def insert(kind: str, body: str, piece: str, rng: random.Random) -> str:
    """Places a piece the way somebody would who can write into this kind of content."""
    if body.lstrip()[:1] in "{[" and EMBEDDED.search(body) or (kind.startswith("tool-") and '":"' in body):
        return into_json(body, piece, rng)
    lines = body.split("\n")
    if kind in MARKUP and rng.random() < 0.75:
        return into_lines(body, rng.choice(HTML_WRAPS).replace("{}", piece), rng)
    if kind == "csv":
        at = rng.randrange(min(1, len(lines) - 1), len(lines))
        sep = ";" if ";" in lines[at] else ","
        cells = lines[at].split(sep)
        spot = rng.randrange(len(cells))
        cells[spot] = '"' + one_line(piece).replace('"', '""') + '"' if rng.random() < 0.7 else one_line(piece)
        lines[at] = sep.join(cells)
        return "\n".join(lines)
    if kind == "sheet" and lines[-1].startswith("|"):
        at = rng.choice([i for i, line in enumerate(lines) if line.startswith("|")])
        cells = lines[at].split("|")
        cells[rng.randrange(1, len(cells) - 1)] = f" {one_line(piece)} "
        lines[at] = "|".join(cells)
        return "\n".join(lines)
    if kind in {"code", "latex", "ipynb"} or (kind == "readme" and rng.random() < 0.3):
        return into_lines(body, rng.choice(CODE_WRAPS).replace("{}", one_line(piece)), rng)
    if kind in HASH and rng.random() < 0.6:
        wrapped = rng.choice(["# {}", "# {}", "note: {}", 'message: "{}"', "INFO {}", "WARN {}", "description: >\n  {}"])
        return into_lines(body, wrapped.replace("{}", one_line(piece)), rng)
    if rng.random() < 0.25:
        at = rng.randrange(len(lines))
        lines[at] = (lines[at] + " " + one_line(piece)).strip()
        return "\n".join(lines)
    return into_lines(body, rng.choice(PLAIN_WRAPS).replace("{}", piece), rng)


def typo(text: str, rng: random.Random) -> str:
    chars = list(text)
    for _ in range(max(1, len(chars) // 60)):
        at = rng.randrange(len(chars) - 1) if len(chars) > 2 else 0
        if chars[at].isalpha() and chars[at + 1].isalpha():
            act = rng.randrange(3)
            if act == 0:
                chars[at], chars[at + 1] = chars[at + 1], chars[at]
            elif act == 1:
                chars[at] = ""
            else:
                chars[at] = chars[at] * 2
    return "".join(chars)


NOISES: list[Callable[[str, random.Random], str]] = [
    lambda t, r: t.lower(),
    lambda t, r: t.upper(),
    typo,
    lambda t, r: re.sub(r"[.,;:!?]", "", t),
    lambda t, r: t + r.choice([" 🙏", " 🙂", " ✅", " ‼️", " 👉", " 🤖"]),
    lambda t, r: r.choice(["⚠️ ", "📌 ", "👋 ", "➡️ "]) + t,
    lambda t, r: t.replace(". ", ".\n"),
    lambda t, r: t.rstrip(".") + r.choice(["!!!", "!", " ...", "", " thx", " pls"]),
]


def noisy(text: str, rng: random.Random) -> str:
    """One in four pieces is written carelessly, in attacks and in harmless text alike."""
    return rng.choice(NOISES)(text, rng) if rng.random() < 0.25 else text


def crop(body: str, rng: random.Random) -> str:
    """Sometimes only a part of a carrier is seen, as chunkers and search tools cut it."""
    lines = body.split("\n")
    if len(lines) < 4 or rng.random() < 0.55 or body.lstrip()[:1] in "{[":
        return body
    start = rng.randrange(0, len(lines) // 2 + 1)
    return "\n".join(lines[start: start + rng.randrange(2, len(lines) + 1)])


def row(text: str, channel: str, lang: str, injection: int, family: str) -> dict:
    labels = {"injection": injection, "jailbreak": 0, "harmful": 0, "toxicity": 0}
    return {"text": text, "channel": channel, "lang": lang, "labels": labels, "family": family}


def rows(rng: random.Random) -> Iterator[dict]:
    """All rows of this area, each carrier clean, with a harmless line and with an injected one."""
    carriers = read_blocks("carriers_a.txt") + read_blocks("carriers_b.txt")
    english = [c for c in carriers if c[1] == "en"]
    by_lang: dict[str, list[tuple[str, str, str]]] = {}
    for carrier in carriers:
        by_lang.setdefault(carrier[1], []).append(carrier)
    attacks = read_lines("attacks_plain.txt") + read_lines("attacks_trigger.txt") + read_lines("attacks_multilingual.txt")
    harmless = read_lines("inserts_benign.txt")

    for kind, lang, body in carriers:
        yield row(body, channel_of(kind, rng), lang, 0, f"clean-{kind}" if not kind.startswith("tool-") else "clean-tool")

    for family, lang, text in attacks:
        for _ in range(7):
            kind, clang, body = rng.choice(by_lang[lang] if lang != "en" and rng.random() < 0.7 else english)
            piece = noisy(fill(text, rng), rng)
            yield row(insert(kind, crop(body, rng), piece, rng), channel_of(kind, rng), lang if clang == lang else "en", 1, family)

    for family, lang, text in harmless:
        for _ in range(15):
            kind, clang, body = rng.choice(english)
            piece = noisy(fill(text, rng), rng)
            yield row(insert(kind, crop(body, rng), piece, rng), channel_of(kind, rng), clang, 0, family)
