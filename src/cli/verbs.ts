// The verbs of `holdfast`, all on one page: what each is called, takes and says of itself, and where its code is. The
// one source for parsing, variables, help and completions.

import { DATA_OPTION } from "./data_folder.ts";
import { UP_OPTIONS } from "./options.ts";
import type { OptionSpec, Verb } from "./verb.ts";

const JSON_OPTION: OptionSpec = { name: "json", summary: "Print JSON, for scripts" };

export const VERBS: readonly Verb[] = [
  {
    path: ["up"],
    summary: "Start a host and keep it running",
    details: [
      "Starts every application that this data folder remembers, then those of --manifest.",
      "Ctrl-C or SIGTERM lets running calls end, then stops.",
    ],
    options: UP_OPTIONS,
    load: () => import("./up.ts"),
  },
  {
    path: ["status"],
    summary: "Show what the host runs, and how it is doing",
    options: [DATA_OPTION, JSON_OPTION, { name: "watch", summary: "Show it again every second" }],
    load: () => import("./status.ts"),
  },
  {
    path: ["app", "apply"],
    summary: "Make the host run what manifests say",
    details: ["Components named by path are read here and handed to the host, which keeps them."],
    positionals: [{
      name: "FILE",
      summary: 'a manifest, or "-" for standard input',
      repeat: true,
      complete: "file",
    }],
    options: [DATA_OPTION, JSON_OPTION],
    load: () => import("./app_apply.ts"),
  },
  {
    path: ["app", "list"],
    summary: "List the applications of the host",
    options: [DATA_OPTION, JSON_OPTION],
    load: () => import("./app_list.ts"),
  },
  {
    path: ["app", "status"],
    summary: "Show one application: components, providers, links",
    positionals: [{ name: "NAME", summary: "the application's name" }],
    options: [DATA_OPTION, JSON_OPTION],
    load: () => import("./app_status.ts"),
  },
  {
    path: ["app", "delete"],
    summary: "Stop applications and forget them; their data stays",
    positionals: [{ name: "NAME", summary: "an application's name", repeat: true }],
    options: [DATA_OPTION, JSON_OPTION],
    load: () => import("./app_delete.ts"),
  },
  {
    path: ["component", "list"],
    summary: "List the components of the host",
    options: [DATA_OPTION, JSON_OPTION],
    load: () => import("./component_list.ts"),
  },
  {
    path: ["component", "inspect"],
    summary: "Show a component's world, and what it needs to run",
    details: ["A file is read here and needs no running host; an id is asked of the host."],
    positionals: [{ name: "FILE|ID", summary: "a .wasm file, or a component's id", complete: "file" }],
    options: [DATA_OPTION, JSON_OPTION],
    load: () => import("./component_inspect.ts"),
  },
  {
    path: ["component", "call"],
    summary: "Call a function of a component",
    details: [
      'Arguments and result are WAVE, such as 42, "text", [1, 2], {name: "x", price: 3}, some(1).',
      "Exit code 1: the function returned its error, which is printed. A command (wasi:cli/run run)",
      "prints what it prints and ends with its own exit code.",
    ],
    positionals: [
      { name: "ID", summary: "the component's id" },
      { name: "INTERFACE", summary: 'such as wasi:http/incoming-handler; "" for a function of the world' },
      { name: "FUNCTION", summary: "the function's name" },
      { name: "ARG", summary: "an argument", optional: true, repeat: true },
    ],
    options: [
      DATA_OPTION,
      { name: "json", summary: "Arguments and result are JSON instead" },
      {
        name: "timeout",
        value: "DURATION",
        summary: "When to give up, such as 10s",
        default: "the component's deadline",
      },
    ],
    load: () => import("./component_call.ts"),
  },
  {
    path: ["events"],
    summary: "Show what happened on the host",
    options: [
      DATA_OPTION,
      { name: "json", summary: "Print one JSON object a line, for scripts" },
      { name: "follow", summary: "Wait for more" },
    ],
    load: () => import("./events.ts"),
  },
  {
    path: ["completions"],
    summary: "Print the completion script of a shell",
    details: [
      "bash: source <(holdfast completions bash)        zsh: source <(holdfast completions zsh)",
      "fish: holdfast completions fish | source",
    ],
    positionals: [{ name: "SHELL", summary: "bash, zsh or fish", choices: ["bash", "zsh", "fish"] }],
    options: [],
    load: () => import("./completions.ts"),
  },
  {
    path: ["help"],
    summary: "Show help, on a verb if one is named",
    positionals: [{ name: "VERB", summary: "a verb", optional: true, repeat: true }],
    options: [],
    load: () => import("./help.ts"),
  },
  {
    path: ["cell"],
    summary: "One cell of a host: started by the host itself",
    options: [],
    internal: true,
    load: () => import("./cell.ts"),
  },
  {
    path: ["transpile"],
    summary: "Makes a component ready to run: started by the host itself",
    options: [],
    internal: true,
    load: () => import("./transpile.ts"),
  },
];
