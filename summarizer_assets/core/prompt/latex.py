r"""Conversion of LaTeX in titles and names to plain text: `Erd\H{o}s`, `$\alpha$-decay`, `\textit{Drosophila}`."""
# ruff: noqa: RUF001 - the letters that LaTeX commands stand for look like others; that is the point of the table

import re
import unicodedata

_COMBINING = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323", "b": "\u0331", "k": "\u0328",
    "r": "\u030a", "t": "\u0361",
}  # fmt: skip

#: Commands for letters; the blank after the command belongs to it.
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å",
    "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ", "NG": "Ŋ",
}  # fmt: skip

_SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "varrho": "ϱ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
    "times": "×", "pm": "±", "mp": "∓", "cdot": "·", "cdots": "⋯", "ldots": "…", "dots": "…", "leq": "≤", "le": "≤",
    "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "sim": "~", "simeq": "≃", "equiv": "≡", "propto": "∝",
    "infty": "∞", "to": "→", "rightarrow": "→", "leftarrow": "←", "leftrightarrow": "↔", "Rightarrow": "⇒", "in": "∈",
    "notin": "∉", "subset": "⊂", "subseteq": "⊆", "cup": "∪", "cap": "∩", "forall": "∀", "exists": "∃", "nabla": "∇",
    "partial": "∂", "sum": "∑", "prod": "∏", "int": "∫", "sqrt": "√", "ell": "ℓ", "hbar": "ħ", "circ": "°",
    "degree": "°",
    "prime": "′", "ast": "*", "star": "⋆", "dagger": "†", "oplus": "⊕", "otimes": "⊗", "langle": "⟨", "rangle": "⟩",
    "bullet": "•", "textendash": "–", "textemdash": "—", "textregistered": "®", "texttrademark": "™", "copyright": "©",
    "textdegree": "°", "textmu": "µ", "textbackslash": " ", "backslash": " ", "lt": "<", "gt": ">",
    "ll": "≪", "gg": "≫",
}  # fmt: skip

#: Commands that print nothing themselves.
_SILENT = frozenset(
    """bf it rm em sc sl tt sf bfseries itshape scshape upshape mdseries rmfamily ttfamily sffamily boldmath tiny small
    large Large normalsize footnotesize displaystyle textstyle scriptstyle left right big Big bigg Bigg protect relax
    noindent centering limits nolimits""".split()  # noqa: SIM905 - a list of words is read as one
)
_BLANK = frozenset(
    {"quad", "qquad", "space", "newline", "par", "linebreak", "hspace", "vspace", "enspace", "thinspace"}
)

_MATH = re.compile(r"(?<!\\)(\$\$?)(?=[^\s$])((?:[^$\\]|\\.)*?(?:[^\s$\\]|\\.))\1(?!\d)")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ACCENT = re.compile(
    r"""\\(?:(?P<mark>["'`^~=.])\s*|(?P<letter>[uvHcdbkrt])(?=[\s{\\])\s*)(?:\{\s*(?P<in>\\[ij]|\w)\s*\}|(?P<of>\\[ij](?![A-Za-z])|[^\W\d_]))"""
)
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?(\s*)(?=(.?))", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _accent(match: re.Match[str]) -> str:
    base = (match["in"] or match["of"]).lstrip("\\")
    mark = match["mark"] or match["letter"]
    composed = unicodedata.normalize("NFC", base + _COMBINING[mark])
    if len(composed) == 1:
        return composed
    # If there is no such letter, `\'` was an escaped quote, as in `l\'histoire`.
    return mark + base if match["mark"] else base


def _command(match: re.Match[str]) -> str:
    name, blank, following = match[1], match[2], match[3]
    if name in _LETTERS:
        return _LETTERS[name]
    if name in _SYMBOLS:
        return _SYMBOLS[name] + blank
    if name in _SILENT:
        return ""
    if name in _BLANK:
        return " "
    return "" if following in {"{", "["} and following else name + blank


def _escaped(match: re.Match[str]) -> str:
    character = match[1]
    if character in "\\,;: /":
        return " "
    return "" if character in "-!()[]" else character


def plain_latex(text: str) -> str:
    """The text with commands, math marks and braces resolved; a lone `$` means money and is kept."""
    text = _MATH.sub(r"\2", text)
    if "\\" in text:
        text = _FRACTION.sub(r"\1/\2", text)
        text = _ACCENT.sub(_accent, text)
        text = _COMMAND.sub(_command, text)
        text = _ESCAPED.sub(_escaped, text).replace("\\", "")
    return text.replace("{", "").replace("}", "")
