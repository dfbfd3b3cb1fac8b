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
    "contracts/2024.pdf", "payroll.xlsx", "id_rsa", "~/wallet.json", "tax/return.pdf", "config/prod.toml",
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


WEST = {"de", "fr", "es", "it", "pt", "nl", "sv"}


def read_lines(name: str) -> list[tuple[str, str, str]]:
    """(family, language, text) of each line; `## family [language]` starts a section, a written \\n is a line break."""
    out: list[tuple[str, str, str]] = []
    family, lang = "", "en"
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            parts = line[3:].split()
            family, lang = parts[0], parts[1] if len(parts) > 1 else "en"
            if lang != "en" and "mult" in family:
                family += "-west" if lang in WEST else "-east"
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


LOOKALIKE = str.maketrans("aeopcxi", "аеорсхі")
LEET = str.maketrans("aeiost", "431057")


def disguised(text: str, rng: random.Random) -> str:
    """Spellings that slip past word lists; harmless lines get them too (broken OCR, playful names)."""
    way = rng.randrange(7)
    if way == 0:
        return "".join(c.translate(LOOKALIKE) if rng.random() < 0.5 else c for c in text)
    if way == 1:
        return "".join(c.translate(LEET) if rng.random() < 0.6 else c for c in text)
    if way == 2:
        return "\u200b".join(text) if rng.random() < 0.5 else re.sub(r"(?<=\w)(?=\w)", lambda _: rng.choice(["", "", "\u200b", "\u00ad"]), text)
    if way == 3:
        return re.sub(r"\w{4,}", lambda m: rng.choice([".", "-", " ", "_"]).join(m.group()) if rng.random() < 0.35 else m.group(), text)
    if way == 4:
        return re.sub(r" ", lambda _: rng.choice([" ", "  ", "\n", "\t", "_"]), text)
    if way == 5:
        return "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in text)
    words = text.split(" ")
    return "\n".join(" ".join(words[i: i + 4]) for i in range(0, len(words), 4))


CLEAN_GROUPS = {
    "clean-code": {"code", "commit", "config", "readme", "latex", "ipynb", "po"},
    "clean-data": TOOL_KINDS | {"form", "spec"},
    "clean-talk": {"email", "chat", "forum", "social", "transcript", "ticket"},
    "clean-intl": {"document"},
}
# A quoted attack is harmless in these, so an unquoted one there would only confuse.
NO_CARRIER = {"i-doc", "h-injection-article", "h-evals", "h-codeprompt", "h-prompt", "h-long"}


MERGED = {
    "h-spam": "h-phish", "h-codeprompt": "h-prompt", "h-evals": "h-injection-article", "h-seo": "h-misc", "h-game": "h-misc",
    "h-script": "h-misc", "h-letters": "h-misc", "h-howto": "h-runbook", "h-legal": "h-policy", "i-doc": "b-intl-doc",
}


def clean_family(kind: str) -> str:
    if kind[:2] in {"h-", "m-", "i-"}:
        return MERGED.get(kind, kind)
    return "clean-data" if kind.startswith("tool-") else next((name for name, kinds in CLEAN_GROUPS.items() if kind in kinds), "clean-prose")


def definition(name: str, text: str, rng: random.Random, params: list[str], extra: str = "", in_param: bool = False) -> str:
    """One tool definition in one of the shapes in which clients and servers write them."""
    if extra and not in_param:
        parts = re.split(r"(?<=[.!?]) ", text)
        spot = rng.choice([0, len(parts), len(parts), rng.randrange(len(parts) + 1)])
        text = rng.choice([" ", " ", "\n", "\n\n"]).join([" ".join(parts[:spot]), extra, " ".join(parts[spot:])]).strip()
    keys = rng.sample(["query", "id", "text", "path", "limit", "lang", "note", "target", "date", "value", "confirm"], rng.randrange(0, 4))
    about = {key: fill(rng.choice(params), rng) for key in keys}
    if extra and in_param:
        about[rng.choice(["context", "sidenote", "note", "trace_id", "options", "metadata"])] = extra
    schema = {"type": "object", "properties": {k: {"type": "string", "description": v} for k, v in about.items()}, "required": keys[:1]}
    listed = "\n".join(f"    {k}: {v}" for k, v in about.items())
    indent = rng.choice([None, None, 2])
    if rng.random() < 0.2:
        name = rng.choice(["mcp__", "fs.", "crm_", "my_", "x-"]) + name
    shapes: list[Callable[[], str]] = [
        lambda: f"{name}: {text}" + ("\n" + listed if about else ""),
        lambda: json.dumps({"name": name, "description": text, "inputSchema": schema}, indent=indent),
        lambda: json.dumps({"type": "function", "function": {"name": name, "description": text, "parameters": schema}}, indent=indent),
        lambda: json.dumps({"name": name, "description": text, "input_schema": schema}, ensure_ascii=False),
        lambda: f'def {name.split(".")[-1]}({", ".join(about)}):\n    """{text}\n\n    Args:\n{listed}\n    """',
        lambda: f"- name: {name}\n  description: {json.dumps(text, ensure_ascii=False)}\n  params:\n{listed}",
        lambda: f"## {name}\n\n{text}\n\n" + "\n".join(f"- `{k}`: {v}" for k, v in about.items()),
        lambda: f"/** {text} */\ntype {name} = (_: {{ " + "; ".join(f"{k}: string /* {v} */" for k, v in about.items()) + " }) => any;",
        lambda: f'<tool name="{name}"><description>{text}</description>' + "".join(f'<param name="{k}">{v}</param>' for k, v in about.items()) + "</tool>",
        lambda: text if not in_param else f"{text}\n{listed}",
    ]
    return rng.choice(shapes)().strip()


def composed(sections: dict[str, list[str]], who: str, rng: random.Random) -> str:
    """The same request to the AI or to a person: only the addressee differs."""
    lead, request = rng.choice(sections[f"{who}-lead"]), rng.choice(sections["request"])
    if lead.endswith((".", "!", "?")) or rng.random() < 0.15:
        request = request[0].upper() + request[1:]
    if rng.random() < 0.3:
        more = rng.choice(sections["request"])
        request = request.rstrip(".") + rng.choice([" and ", ", then ", "; also ", ". Then "]) + more
    please = rng.choice(["", "", "", "please ", "kindly "])
    if please:
        request = request[0].lower() + request[1:]
        please = please.capitalize() if lead.endswith((".", "!", "?")) else please
    text = f"{lead} {please}{request}"
    if rng.random() < 0.35:
        text += " " + rng.choice(sections[f"{who}-tail"])
    return fill(text, rng)


def rows(rng: random.Random) -> Iterator[dict]:
    """Every carrier clean, with harmless lines and with injected ones; whole documents; tool definitions."""
    carriers = [c for name in ("carriers_a.txt", "carriers_b.txt", "carriers_c.txt") for c in read_blocks(name)]
    docs = [d for name in ("docs_benign_a.txt", "docs_benign_b.txt", "docs_benign_c.txt", "docs_benign_intl.txt") for d in read_blocks(name)]
    hosts = carriers + [d for d in docs if d[0] not in NO_CARRIER]
    by_lang: dict[str, list[tuple[str, str, str]]] = {}
    for host in hosts:
        by_lang.setdefault(host[1], []).append(host)
    neighbours = {lang: found + [d for d in docs if d[0] in NO_CARRIER and d[1] == lang] for lang, found in by_lang.items()}
    attacks = [
        a for name in ("attacks_plain.txt", "attacks_more.txt", "attacks_trigger.txt", "attacks_multilingual.txt") for a in read_lines(name)
    ]
    harmless = read_lines("inserts_benign.txt")
    sections: dict[str, list[str]] = {}
    for family, _, text in read_lines("compose.txt"):
        sections.setdefault(family, []).append(text)
    params = [text for _, _, text in read_lines("tools_params.txt")]
    extras = [text for _, _, text in read_lines("tools_extra.txt")]
    poisons = [text for _, _, text in read_lines("tools_poison.txt")]
    tools = [(kind, body) for kind, _, body in read_blocks("tools.txt")]
    frames = [text for _, _, text in read_lines("quote_frames.txt")]

    def host_for(lang: str) -> tuple[str, str, str]:
        return rng.choice(by_lang.get(lang, by_lang["en"]) if rng.random() < 0.7 else by_lang["en"])

    def placed(text: str, lang: str, injection: int, family: str) -> dict:
        kind, host_lang, body = host_for(lang)
        channel = channel_of(kind, rng)
        content = insert(kind, crop(body, rng), text, rng)
        if rng.random() < 0.22:
            content = surrounded(content, neighbours[host_lang])
        return row(content, channel, lang if host_lang == lang else "en", injection, family)

    def surrounded(content: str, others: list[tuple[str, str, str]]) -> str:
        """A longer reading: one to five other pieces before and after, as in a thread, a page or a list of results."""
        pieces = [other[2] for other in rng.choices(others, k=rng.choice([1, 1, 2, 2, 3, 4, 5]))]
        pieces.insert(rng.randrange(len(pieces) + 1), content)
        return rng.choice(["\n\n", "\n\n", "\n---\n", "\n", "\n\n* * *\n\n"]).join(pieces)

    for kind, lang, body in carriers + docs:
        yield row(surrounded(body, by_lang[lang]), channel_of(kind, rng), lang, 0, clean_family(kind))
        yield row(body, channel_of(kind, rng), lang, 0, clean_family(kind))
        part = noisy(crop(body, rng), rng)
        if part != body:
            yield row(part, channel_of(kind, rng), lang, 0, clean_family(kind))

    for family, lang, text in attacks:
        for _ in range(3):
            yield placed(noisy(fill(text, rng), rng), lang, 1, family)
        if rng.random() < 0.5:
            yield row(noisy(fill(text, rng), rng), rng.choice(["document", "tool_result"]), lang, 1, family)

    for family, lang, text in harmless:
        for _ in range(5):
            yield placed(noisy(fill(text, rng), rng), lang, 0, family)
        if rng.random() < 0.5:
            yield row(noisy(fill(text, rng), rng), rng.choice(["document", "tool_result"]), lang, 0, family)

    for pool, injection, family in ((attacks, 1, "disguised"), (harmless, 0, "b-disguised")):
        for _, lang, text in rng.sample(pool, 330):
            yield placed(disguised(fill(text, rng), rng), lang, injection, family)

    # Leads and requests are split in two, so that a held-out half shares no wording with the other.
    for half, part in ((0, "a"), (1, "b")):
        chosen = {name: texts[half::2] for name, texts in sections.items()}
        for who, injection in (("ai", 1), ("human", 0)):
            for _ in range(400):
                text = noisy(composed(chosen, who, rng), rng)
                family = f"addressed-{who}-{part}"
                if rng.random() < 0.15:
                    yield row(text, rng.choice(["document", "tool_result"]), "en", injection, family)
                else:
                    yield placed(text, "en", injection, family)

    intl: dict[str, dict[str, list[str]]] = {}
    for part, lang, text in read_lines("compose_intl.txt"):
        intl.setdefault(lang, {}).setdefault(part, []).append(text)
    for lang, parts in intl.items():
        for who, injection in (("ai", 1), ("human", 0)):
            for _ in range(45):
                text = noisy(fill(f"{rng.choice(parts[f'{who}-lead'])} {rng.choice(parts['request'])}", rng), rng)
                yield placed(text, lang, injection, f"addressed-{who}-intl")

    for _ in range(3):
        for kind, lang, body in read_blocks("docs_attack.txt"):
            text = fill(body, rng)
            if rng.random() < 0.5:
                _, _, around = rng.choice(by_lang[lang])
                text = "\n\n".join(rng.sample([text, around], 2))
            yield row(text, rng.choice(["document", "tool_result"]), lang, 1, kind)
        for kind, lang, body in docs:
            _, _, around = rng.choice(by_lang[lang])
            yield row("\n\n".join(rng.sample([body, around], 2)), rng.choice(["document", "tool_result"]), lang, 0, clean_family(kind))

    english = [text for _, lang, text in attacks if lang == "en"]
    # Telling the model how to phrase its answer is what honest tool descriptions do, too.
    for_tools = [text for family, lang, text in attacks if lang == "en" and family != "style-plain"]
    for number, frame in enumerate(frames):
        for _ in range(12):
            quote = one_line(fill(rng.choice(english), rng))
            text = fill(frame, rng).replace("{}", quote)
            if rng.random() < 0.3:
                text = "\n\n".join(rng.sample([text, rng.choice(docs)[2]], 2))
            yield row(text, rng.choice(["document", "document", "tool_result"]), "en", 0, f"quoted-attack-{'ab'[number % 2]}")

    for name, body in tools:
        for _ in range(4):
            yield row(definition(name, body, rng, params), "tool_definition", "en", 0, "tool-clean")
        for _ in range(8):
            extra = fill(rng.choice(extras), rng)
            yield row(definition(name, body, rng, params, extra, rng.random() < 0.25), "tool_definition", "en", 0, "tool-extra")
    for poison in poisons:
        for _ in range(11):
            name, body = rng.choice(tools)
            extra = noisy(fill(poison, rng), rng)
            yield row(definition(name, body, rng, params, extra, rng.random() < 0.25), "tool_definition", "en", 1, "tool-poison")
    for _ in range(260):
        name, body = rng.choice(tools)
        extra = one_line(composed(sections, "ai", rng) if rng.random() < 0.25 else fill(rng.choice(for_tools), rng))
        yield row(definition(name, body, rng, params, extra, rng.random() < 0.25), "tool_definition", "en", 1, "tool-injected")
