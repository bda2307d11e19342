// The house rules as a program: `deno task check` reads every file of the repository (tracked, or new and not ignored)
// and prints each broken rule as `file:line: error: what is so, use what to do`. Exceptions are named below.

import { type Breach, checkText, checkTypeScript } from "./check_source.ts";
import {
  checkDeadFiles,
  checkImportMap,
  checkWhoImportsWhom,
  type ImportingFile,
  readImports,
} from "./check_imports.ts";

interface Exception {
  file: string;
  rule: string;
  /** Shown to nobody but the reader of this table; one that excuses nothing any more is an error. */
  reason: string;
}

/** Where a rule does not hold, and why. */
export const EXCEPTIONS: readonly Exception[] = [];

/** Everything to look at: paths from the root of the repository, and their texts. */
export type Sources = ReadonlyMap<string, string>;

/** Every broken rule, exceptions taken out, in the order of files and lines. */
export function checkHouse(sources: Sources, exceptions: readonly Exception[] = EXCEPTIONS): Breach[] {
  const breaches: Breach[] = [];
  const importing: ImportingFile[] = [];
  for (const [file, text] of sources) {
    if (!isFetchedText(file)) breaches.push(...checkText(file, text));
    if (!isOurTypeScript(file)) continue;
    breaches.push(...checkTypeScript(file, text));
    importing.push({ file, ...readImports(text) });
  }
  const config = JSON.parse(sources.get("deno.json") ?? "{}");
  breaches.push(
    ...checkWhoImportsWhom(importing),
    ...checkDeadFiles(importing, findRoots(config, importing)),
    ...checkImportMap(importing, Object.keys(config.imports ?? {})),
  );
  return applyExceptions(breaches, exceptions).sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line
  );
}

/** Guests' own code keeps its language's ways; everything else in TypeScript is the house. */
function isOurTypeScript(file: string): boolean {
  return file.endsWith(".ts") && /^(?:main\.ts|(?:src|providers|tests|scripts)\/)/.test(file);
}

/** Written by package managers, or taken from elsewhere as it is. */
function isFetchedText(file: string): boolean {
  return file.endsWith(".lock") || file === "LICENSE";
}

/** The program, and whatever deno.json names: tasks' scripts, modules of the import map's scopes. */
function findRoots(config: unknown, files: readonly ImportingFile[]): Set<string> {
  const text = JSON.stringify(config);
  return new Set(files.map(({ file }) => file).filter((file) => file === "main.ts" || text.includes(file)));
}

function applyExceptions(breaches: Breach[], exceptions: readonly Exception[]): Breach[] {
  const excuses = (exception: Exception, breach: Breach) =>
    exception.file === breach.file && exception.rule === breach.rule;
  const stale = exceptions.filter((exception) => !breaches.some((breach) => excuses(exception, breach)));
  return [
    ...breaches.filter((breach) => !exceptions.some((exception) => excuses(exception, breach))),
    ...stale.map(({ file, rule }) => ({
      file: "scripts/check.ts",
      line: 1,
      rule: "exception",
      what: `the exception of ${file} from "${rule}" excuses nothing`,
      mend: "no exception",
    })),
  ];
}

/** Folders that `.gitignore` names, for checkouts without git. */
const IGNORED = new Set([".git", ".cache", "coverage", "dist", "node_modules", "vendor"]);

/** Reads what git tracks or would take in; a checkout without git is walked. */
async function readSources(root: URL): Promise<Sources> {
  const sources = new Map<string, string>();
  for (const file of await listFiles(root)) {
    const bytes = await Deno.readFile(new URL(file, root)).catch(() => undefined);
    // Binaries (built components) are searched for paths too, as latin-1: a toolchain leaves them there.
    if (bytes) sources.set(file, new TextDecoder(bytes.includes(0) ? "latin1" : "utf-8").decode(bytes));
  }
  return sources;
}

async function listFiles(root: URL): Promise<string[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  try {
    const { stdout, success } = await new Deno.Command("git", { args, cwd: root.pathname }).output();
    const files = new TextDecoder().decode(stdout).split("\0").filter((file) => file !== "");
    if (success) return [...new Set(files)].sort();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const files: string[] = [];
  await walk(root, "", files);
  return files.sort();
}

async function walk(root: URL, folder: string, files: string[]): Promise<void> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(new URL(folder || ".", root))) {
    if (isDirectory && !IGNORED.has(name)) await walk(root, `${folder}${name}/`, files);
    if (isFile) files.push(`${folder}${name}`);
  }
}

if (import.meta.main) {
  const sources = await readSources(new URL("../", import.meta.url));
  const breaches = checkHouse(sources);
  for (const { file, line, what, mend } of breaches) {
    console.error(`${file}:${line}: error: ${what}, use ${mend}`);
  }
  console.error(
    breaches.length > 0
      ? `check: ${breaches.length} broken rules`
      : `check: ${sources.size} files keep the rules`,
  );
  if (breaches.length > 0) Deno.exit(1);
}
