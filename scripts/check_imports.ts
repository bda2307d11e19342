// Who may import whom, from the house rules' table; which files nobody imports; and which folder owns each outside
// library. Type-only imports count: a dependency in words is a dependency.

import { type Breach, isTest } from "./check_source.ts";
import { readTokens } from "./check_tokens.ts";

export interface Import {
  specifier: string;
  line: number;
}

/** A tracked TypeScript file with what it imports. */
export interface ImportingFile {
  file: string;
  imports: readonly Import[];
  /** Names of other files in its strings, such as of `new URL("./x.ts", import.meta.url)`. */
  mentions: readonly string[];
}

/** What each folder of `src` may import, itself aside. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  bus: ["model"],
  store: ["model"],
  runtime: ["model"],
  control: ["model"],
  sync: ["model"],
  host: ["model", "control", "sync"],
  scheduler: ["model", "control"],
  dashboard: ["model", "control"],
  cli: ["model", "bus", "store", "runtime", "control", "sync", "host", "scheduler", "dashboard"],
};

/** Reads every import, re-export and dynamic import with a literal name. */
export function readImports(source: string): Omit<ImportingFile, "file"> {
  const tokens = readTokens(source).filter((token) => token.kind !== "comment");
  const imports: Import[] = [];
  const mentions: string[] = [];
  for (const [index, { kind, text, line }] of tokens.entries()) {
    if (kind !== "string") continue;
    const before = tokens[index - 1]?.text;
    const isCalled = before === "(" && tokens[index - 2]?.text === "import";
    if (before === "from" || before === "import" || isCalled) imports.push({ specifier: text, line });
    else if (/^[\w./-]+\.ts$/.test(text)) mentions.push(text);
  }
  return { imports, mentions };
}

/** Which part of the house a file is in; parts, not folders, since each provider stands alone. */
export function partOf(file: string): string {
  if (isTest(file)) return "tests";
  const [top, second = ""] = file.split("/");
  if (top === "src") return second;
  if (top === "providers") {
    return second === "mod.ts" ? "providers/mod.ts" : `providers/${second.replace(/\.ts$/, "")}`;
  }
  return top;
}

/** Whether the table lets one part import another. */
export function mayImport(from: string, to: string): boolean {
  if (from === to || from === "tests") return true;
  if (to === "main.ts") return false;
  if (from === "scripts") return true;
  if (to === "tests" || to === "scripts") return false;
  if (from === "main.ts") return to === "cli" || to === "providers/mod.ts";
  if (from === "providers/mod.ts") return to === "model" || to.startsWith("providers/");
  if (from.startsWith("providers/")) return to === "model";
  return MAY_IMPORT[from]?.includes(to) ?? false;
}

/** The file that a relative import means, from the root of the repository. */
export function resolveRelative(file: string, specifier: string): string {
  const parts = file.split("/").slice(0, -1);
  for (const step of specifier.split("/")) {
    if (step === "..") parts.pop();
    else if (step !== ".") parts.push(step);
  }
  return parts.join("/");
}

/** Imports between files of ours that the table does not allow. */
export function checkWhoImportsWhom(files: readonly ImportingFile[]): Breach[] {
  return files.flatMap(({ file, imports }) =>
    imports.flatMap(({ specifier, line }): Breach[] => {
      const add = (what: string, mend: string) => [{ file, line, rule: "import", what, mend }];
      if (/^(?:npm|jsr|https?):/.test(specifier)) {
        return add(
          `imports ${specifier}`,
          "a name of the import map in deno.json, where its version is pinned",
        );
      }
      if (!specifier.startsWith(".")) return [];
      const target = resolveRelative(file, specifier);
      // Build inputs that are fetched, not ours; the generated parts belong to the runtime.
      if (target.startsWith("vendor/")) {
        return partOf(file) === "runtime" || partOf(file) === "tests"
          ? []
          : add(`imports ${target}`, "src/runtime");
      }
      const [from, to] = [partOf(file), partOf(target)];
      if (mayImport(from, to)) return [];
      const allowed = [...new Set([from, ...MAY_IMPORT[from] ?? ["model"]])].join(", ");
      return add(
        `${from} imports ${target}`,
        `only ${allowed}, a port for the rest, and let cli or a test join them`,
      );
    })
  );
}

/** Files of the program and its tests' support that nothing leads to; `roots` are started by name. */
export function checkDeadFiles(files: readonly ImportingFile[], roots: ReadonlySet<string>): Breach[] {
  const used = new Set<string>();
  for (const { file, imports, mentions } of files) {
    const relative = imports.filter(({ specifier }) => specifier.startsWith(".")).map(({ specifier }) =>
      specifier
    );
    // A script may name a file from the root of the repository, where tasks run.
    const targets = [...[...relative, ...mentions].map((name) => resolveRelative(file, name)), ...mentions];
    for (const target of targets) {
      // A file that only its own test knows is dead all the same.
      if (file !== target && !isOwnTest(file, target)) used.add(target);
    }
  }
  return files.filter(({ file }) => !used.has(file) && !roots.has(file) && !/_(?:test|bench)\.ts$/.test(file))
    .map(({ file }) => ({
      file,
      line: 1,
      rule: "dead",
      what: "nobody imports this file",
      mend: "it somewhere, or delete it",
    }));
}

function isOwnTest(test: string, file: string): boolean {
  return test.replace(/_(?:test|bench)\.ts$/, ".ts") === file;
}

/** Each name of the import map belongs to one part; tests may use what others own. */
export function checkImportMap(files: readonly ImportingFile[], names: readonly string[]): Breach[] {
  const owners = new Map(names.map((name) => [name, new Set<string>()]));
  for (const { file, imports } of files) {
    const part = partOf(file);
    for (const { specifier } of imports) {
      const name = names.find((one) => one === specifier || specifier.startsWith(one.replace(/\/?$/, "/")));
      if (name !== undefined && part !== "tests") owners.get(name)!.add(part);
    }
  }
  return [...owners].flatMap(([name, parts]): Breach[] => {
    if (parts.size === 1) return [];
    const where = { file: "deno.json", line: 1, rule: "import-map" };
    if (parts.size === 0) {
      return [{ ...where, what: `nothing imports "${name}"`, mend: "it, or delete the line" }];
    }
    const mend = "one folder that wraps it for the others";
    return [{ ...where, what: `"${name}" is imported by ${[...parts].sort().join(" and ")}`, mend }];
  });
}
