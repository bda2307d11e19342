// The tokens of WAVE, the WebAssembly Value Encoding: labels, numbers, chars, strings, multi-line strings, punctuation.
// White space and `//` comments are skipped. `wave.ts` reads values from them.

import { Fault } from "../fault.ts";

/** One token; `text` as written, `value` decoded for chars and strings (labels without their `%`). */
export interface Token {
  kind: "label" | "number" | "char" | "string" | "punctuation" | "end";
  text: string;
  value: string;
  /** Where it begins, in UTF-16 units. */
  offset: number;
}

/** Labels that mean something unless written with `%`. */
export const KEYWORDS: readonly string[] = ["true", "false", "some", "none", "ok", "err", "inf", "nan"];

// Patterns that run over a text hold no group that repeats: on megabytes those overflow the stack.
const SPACE = /[ \t\n\r]+|\/\/[^\n]*/y;
const LABEL = /%?[a-zA-Z][-a-zA-Z0-9]*/y;
const LABEL_FORM = /^%?(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*$/;
/** Longest label; WIT's longest are under 60. */
const LABEL_LENGTH_MAX = 512;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-inf(?![-a-zA-Z0-9])/y;
const ESCAPES: Readonly<Record<string, string>> = {
  "'": "'",
  '"': '"',
  "\\": "\\",
  t: "\t",
  n: "\n",
  r: "\r",
};

/** Reads tokens one by one from a text. */
export class WaveLexer {
  readonly #text: string;
  readonly #what: string;
  #offset = 0;
  #next: Token | undefined;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  /** The next token, left where it is. */
  peek(): Token {
    this.#next ??= this.#read();
    return this.#next;
  }

  /** The next token, taken. */
  take(): Token {
    const token = this.peek();
    this.#next = undefined;
    return token;
  }

  /** Takes the next token if it is this punctuation. */
  takeIf(text: string): boolean {
    const token = this.peek();
    if (token.kind !== "punctuation" || token.text !== text) return false;
    this.#next = undefined;
    return true;
  }

  /** Takes this punctuation, or refuses what stands there. */
  expect(text: string, mend: string): void {
    if (!this.takeIf(text)) {
      throw this.refuse(this.peek(), `expected "${text}", found ${show(this.peek())}`, mend);
    }
  }

  /** A {@linkcode Fault} `bad_request` with line and column (from 1, in characters). */
  refuse(at: Pick<Token, "offset">, message: string, mend: string): Fault {
    const before = this.#text.slice(0, at.offset);
    const line = before.split("\n").length;
    const column = [...before.slice(before.lastIndexOf("\n") + 1)].length + 1;
    return new Fault("bad_request", `${this.#what}: line ${line}, column ${column}: ${message}; ${mend}`, {
      detail: { line, column, offset: at.offset },
    });
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    return pattern.exec(this.#text)?.[0];
  }

  #read(): Token {
    for (let space = this.#match(SPACE); space !== undefined; space = this.#match(SPACE)) {
      this.#offset += space.length;
    }
    const offset = this.#offset;
    const first = this.#text[offset];
    if (first === undefined) return { kind: "end", text: "", value: "", offset };
    if ("{}()[]:,".includes(first)) return this.#token("punctuation", first, first);
    if (first === "'") return this.#readChar();
    if (this.#text.startsWith('"""', offset)) return this.#readMultiline();
    if (first === '"') return this.#readString();
    const label = this.#match(LABEL);
    if (label !== undefined) return this.#readLabel(label);
    const number = this.#match(NUMBER);
    if (number !== undefined) return this.#token("number", number, number);
    const found = String.fromCodePoint(this.#text.codePointAt(offset)!);
    throw this.refuse({ offset }, `${JSON.stringify(found)} begins no value`, this.#hint(first));
  }

  #readLabel(label: string): Token {
    if (label.length > LABEL_LENGTH_MAX || !LABEL_FORM.test(label)) {
      const message = `${JSON.stringify(label.slice(0, 40))} is no label`;
      throw this.refuse(
        { offset: this.#offset },
        message,
        "write words of one case joined by -, texts in quotes",
      );
    }
    return this.#token("label", label, label.replace("%", ""));
  }

  #hint(first: string): string {
    if (first === "-" || first === "+") return "write a number like -1.5, or -inf";
    if (first === "%") return "write a label after %";
    return "labels begin with a letter, texts with a quote";
  }

  #token(kind: Token["kind"], text: string, value: string): Token {
    const token = { kind, text, value, offset: this.#offset };
    this.#offset += text.length;
    return token;
  }

  #readChar(): Token {
    const start = this.#offset;
    const point = this.#text.codePointAt(start + 1);
    const raw = point === undefined ? "" : String.fromCodePoint(point);
    if (raw === "" || raw === "'" || raw === "\n") {
      throw this.refuse(
        { offset: start },
        "a char holds exactly one character",
        "write it like 'x' or '\\''",
      );
    }
    const { value, length } = raw === "\\" ? this.#unescape(start + 1) : { value: raw, length: raw.length };
    if (this.#text[start + 1 + length] !== "'") {
      throw this.refuse(
        { offset: start },
        "a char holds exactly one character",
        "put a text into double quotes",
      );
    }
    if (!value.isWellFormed()) {
      throw this.refuse({ offset: start }, "not a Unicode character", "leave it out");
    }
    return this.#token("char", this.#text.slice(start, start + length + 2), value);
  }

  #readString(): Token {
    const start = this.#offset;
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') {
      if (this.#text[end] === "\n") {
        throw this.refuse({ offset: start }, "a text does not go over a line's end", 'write \\n, or use """');
      }
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    if (end >= this.#text.length) {
      throw this.refuse({ offset: start }, "a text without its closing quote", 'end it with "');
    }
    return this.#token("string", this.#text.slice(start, end + 1), this.#decode(start + 1, end));
  }

  /** `"""`, line break, lines, spaces, `"""`; the last line's spaces are taken from each line. */
  #readMultiline(): Token {
    const start = this.#offset;
    const opening = this.#text.slice(start + 3).match(/^\r?\n/);
    if (!opening) {
      throw this.refuse({ offset: start }, '""" must end its line', "begin the text on the next line");
    }
    const end = this.#text.indexOf('"""', start + 3);
    if (end < 0) throw this.refuse({ offset: start }, 'a text without its closing """', 'end it with """');
    const lineStart = this.#text.lastIndexOf("\n", end) + 1;
    const indent = end - lineStart;
    if (!/^ *$/.test(this.#text.slice(lineStart, end))) {
      throw this.refuse(
        { offset: end },
        'the closing """ must stand alone on its line',
        'write \\""" for quotes within',
      );
    }
    let value = "";
    const first = start + 3 + opening[0].length;
    for (let from = first; from < lineStart;) {
      const newline = this.#text.indexOf("\n", from);
      const last = this.#text[newline - 1] === "\r" && newline - 1 >= from ? newline - 1 : newline;
      const spaces = this.#text.slice(from, Math.min(from + indent, last));
      if (!/^ *$/.test(spaces)) {
        throw this.refuse(
          { offset: from },
          `a line of this text begins with fewer than ${indent} spaces`,
          "indent it",
        );
      }
      if (from !== first) value += "\n";
      value += this.#decode(from + spaces.length, last);
      from = newline + 1;
    }
    return this.#token("string", this.#text.slice(start, end + 3), value);
  }

  /** The text between two offsets with its escapes resolved. */
  #decode(from: number, to: number): string {
    const raw = this.#text.slice(from, to);
    let value = "";
    let plain = 0;
    for (let at = raw.indexOf("\\"); at >= 0; at = raw.indexOf("\\", plain)) {
      const escape = this.#unescape(from + at);
      value += raw.slice(plain, at) + escape.value;
      plain = at + escape.length;
    }
    value += raw.slice(plain);
    if (!value.isWellFormed()) throw this.refuse({ offset: from }, "half a surrogate pair", "leave it out");
    return value;
  }

  #unescape(offset: number): { value: string; length: number } {
    const letter = this.#text[offset + 1] ?? "";
    if (Object.hasOwn(ESCAPES, letter)) return { value: ESCAPES[letter], length: 2 };
    const unicode = this.#text.slice(offset, offset + 10).match(/^\\u\{([0-9a-fA-F]{1,6})\}/);
    const point = unicode ? parseInt(unicode[1], 16) : -1;
    if (unicode && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff)) {
      return { value: String.fromCodePoint(point), length: unicode[0].length };
    }
    const mend = unicode ? "use a Unicode scalar value" : String.raw`use \n, \r, \t, \\, \", \' or \u{263a}`;
    throw this.refuse({ offset }, "unknown escape", mend);
  }
}

/** A token as a message names it. */
export function show(token: Token): string {
  if (token.kind === "end") return "the end";
  return token.text.length > 40 ? `${JSON.stringify(token.text.slice(0, 39))}…` : JSON.stringify(token.text);
}
