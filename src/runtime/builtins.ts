// Which imports the runtime itself answers, without any link: they reach nothing outside the component but what its
// declaration grants (preopens, socket rules), or nothing at all (clocks, random, io). Everything else is a Call.

/** `ns:pkg/` prefixes or full names (no version) that the runtime answers. */
const BUILTIN_PACKAGES = [
  "wasi:io/",
  "wasi:clocks/",
  "wasi:random/",
  "wasi:cli/",
  "wasi:filesystem/",
  "wasi:sockets/",
];
const BUILTIN_INTERFACES = new Set(["wasi:http/types", "wasi:http/outgoing-handler"]);

/** Whether `name` (no version) is answered by the runtime's own host classes. */
export function isBuiltinInterface(name: string): boolean {
  return BUILTIN_INTERFACES.has(name) || BUILTIN_PACKAGES.some((prefix) => name.startsWith(prefix));
}

/** Interfaces that are answered in the instance but leave it as Calls, so they need a link all the same. */
export const LINKED_BUILTINS: ReadonlySet<string> = new Set(["wasi:http/outgoing-handler"]);
