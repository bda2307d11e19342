// The import objects of one instance: WASI's from the host classes, everything else as Calls. Resources that come back
// from a Call become objects of per-instance classes that hold the handle.

import type { HttpRequest, HttpResponse } from "../model/http.ts";
import { HTTP_OUTGOING } from "../model/http.ts";
import { isFault } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";
import { WitError } from "../model/call.ts";
import type { WitResource } from "../model/wit.ts";
import { withoutVersion } from "../model/wit.ts";
import { isBuiltinInterface } from "./builtins.ts";
import type { InstanceContext } from "./context.ts";
import type { FunctionPlan, InterfacePlan, Program } from "./program.ts";
import { type Handle, isGuestHandle, type ResourceMap } from "./resources.ts";
import { type CliOptions, LINE_OVERHEAD, openCli } from "./wasi/cli.ts";
import { clockImports } from "./wasi/clocks.ts";
import { filesystemImports } from "./wasi/filesystem.ts";
import { type ErrorCode, internalError } from "./wasi/http_fields.ts";
import {
  FutureIncomingResponse,
  httpTypesImports,
  type OutgoingRequest,
  type RequestOptions,
} from "./wasi/http_types.ts";
import { ioImports } from "./wasi/io.ts";
import { randomImports } from "./wasi/random.ts";
import { socketImports } from "./wasi/sockets.ts";

/** What {@linkcode makeImports} needs of the instance beyond what WASI needs. */
export interface ImportContext extends InstanceContext {
  /** The instance holds this handle until {@linkcode releaseHandle}, or until it goes. */
  holdHandle(handle: Handle): void;
  /** No longer held; `drop` when it was not passed on. */
  releaseHandle(handle: Handle, drop: boolean): void;
  /** Who called a command by hand may see its output and feed its input. */
  readonly cli?: CliOptions;
  /** Runs at the end of every call. */
  onCallEnd(flush: () => void): void;
}

const HANDLE = Symbol("handle");

/** Leaves as a Call like any other, but within the quota of what a call may log. */
const LOGGING = "wasi:logging/logging";

interface Held {
  [HANDLE]: Handle;
}

/** The per-instance packages, built only for components that import them. */
const PACKAGES: [prefix: string, make: (context: ImportContext) => Record<string, unknown>][] = [
  ["wasi:cli/", commandImports],
  ["wasi:filesystem/", filesystemImports],
  ["wasi:sockets/", socketImports],
  ["wasi:clocks/", (context) => clockImports(context.clock)],
  [HTTP_OUTGOING, outgoingHandlerImports],
];

function commandImports(context: ImportContext): Record<string, unknown> {
  const cli = openCli(context, context.cli);
  context.onCallEnd(cli.flush);
  return cli.imports;
}

/** Shared by all instances: they hold no state of their own. */
const SHARED: Record<string, unknown> = { ...ioImports, ...randomImports, ...httpTypesImports };

/** Import objects for one instance, keyed as the glue looks them up (without versions). */
export function makeImports(program: Program, context: ImportContext): Record<string, unknown> {
  const imports: Record<string, unknown> = { ...SHARED };
  const made = new Set<string>();
  for (const fullName of program.imports) {
    const name = withoutVersion(fullName);
    if (!isBuiltinInterface(name) || name in SHARED) continue;
    const row = PACKAGES.find(([prefix]) => name.startsWith(prefix));
    if (!row || made.has(row[0])) continue;
    made.add(row[0]);
    Object.assign(imports, row[1](context));
  }
  if (program.called.length) Object.assign(imports, callImports(program.called, context));
  return imports;
}

/** Import objects whose functions leave as Calls. */
function callImports(plans: readonly InterfacePlan[], context: ImportContext): Record<string, unknown> {
  const classes = new Map<WitResource, ResourceClass>();
  for (const plan of plans) {
    for (const [, resource] of plan.resources) {
      if (!classes.has(resource)) classes.set(resource, makeResourceClass(context));
    }
  }
  const imports: Record<string, Record<string, unknown>> = {};
  for (const plan of plans) {
    const object: Record<string, unknown> = imports[plan.name] ??= {};
    const own = new Map(plan.resources);
    for (const [className, resource] of own) object[className] = classes.get(resource);
    for (const func of plan.functions.values()) {
      const call = makeCaller(plan, func, classes, context);
      if (func.kind === "free") object[func.jsName] = call;
      else {
        const resource = own.get(func.className);
        const target = resource && classes.get(resource);
        if (!target) continue;
        if (func.kind === "static") target[func.jsName] = call;
        else if (func.kind === "constructor") target.create = call;
        else {
          target.prototype[func.jsName] = function (this: Held, ...args: unknown[]) {
            return call(this, ...args);
          };
        }
      }
    }
  }
  return imports;
}

/** What one line of wasi:logging counts: a line of standard output's overhead, and its text as far as it is kept. */
function logBytes([, context, message]: unknown[]): number {
  return LINE_OVERHEAD + String(context).length +
    Math.min(String(message).length, LIMITS.logMessageBytesMax);
}

type Caller = (...args: unknown[]) => unknown;

interface ResourceClass {
  new (...args: unknown[]): object;
  prototype: Record<string | symbol, unknown>;
  create?: Caller;
  [name: string]: unknown;
}

/** A class whose `new` asks the other side; the glue awaits what it returns. */
function makeResourceClass(context: ImportContext): ResourceClass {
  class Resource {
    constructor(...args: unknown[]) {
      return (Resource as unknown as ResourceClass).create!(...args) as Resource;
    }
    [Symbol.dispose](this: Held) {
      context.releaseHandle(this[HANDLE], true);
    }
  }
  return Resource as unknown as ResourceClass;
}

/** One function as the glue calls it: resources become handles on the way out, handles resources on the way back. */
function makeCaller(
  plan: InterfacePlan,
  func: FunctionPlan,
  classes: Map<WitResource, ResourceClass>,
  context: ImportContext,
): Caller {
  const { params, hasResourceParams, ok, err } = func.converters;
  const target = { interface: plan.name, version: plan.version, function: func.name };
  const toHandle: ResourceMap = (value, _resource, isOwn) => {
    const handle = (value as Held)[HANDLE];
    if (!handle) return value; // a host class's object (a stream): it is the same for everybody in the cell
    if (isOwn) context.releaseHandle(handle, false);
    return handle;
  };
  const fromHandle: ResourceMap = (value, resource) => {
    const resourceClass = classes.get(resource);
    if (!resourceClass) return value;
    const held = Object.create(resourceClass.prototype);
    held[HANDLE] = value;
    context.holdHandle(value as Handle);
    return held;
  };
  const send = (args: unknown[]) => {
    if (!hasResourceParams) return context.callOut(target, args);
    return context.callOut(target, args.map((arg, i) => params[i]?.(arg, toHandle) ?? arg));
  };
  if (plan.name === LOGGING) {
    return (...args) => context.chargeLog(logBytes(args)) ? send(args) : undefined;
  }
  if (!ok && !err) return (...args) => send(args);
  const receive = (result: unknown) => ok ? ok(result, fromHandle) : result;
  const fail = (error: unknown) => {
    throw err && error instanceof WitError ? new WitError(err(error.payload, fromHandle)) : error;
  };
  // Not an async function: a promise would suspend the guest even where the answer is there.
  return (...args) => {
    let result: unknown;
    try {
      result = send(args);
    } catch (error) {
      return fail(error);
    }
    return result instanceof Promise ? result.then(receive, fail) : receive(result);
  };
}

/** Frees a handle for good: the owner's destructor runs. */
export function dropHandle(handle: Handle): void {
  if (isGuestHandle(handle)) handle.drop();
  else (handle as Partial<Disposable>)[Symbol.dispose]?.();
}

const OUTGOING_HANDLE = { interface: HTTP_OUTGOING, function: "handle" };

/** `wasi:http/outgoing-handler`: the request leaves as a Call along the component's link. */
function outgoingHandlerImports(context: ImportContext): Record<string, unknown> {
  const { limits } = context.spec;
  return {
    [HTTP_OUTGOING]: {
      handle(request: OutgoingRequest, options: RequestOptions | undefined): FutureIncomingResponse {
        const message: HttpRequest = request.toHttpRequest(options, limits);
        // Started in a microtask, so that even a refusal is an answer and never a trap.
        const response = Promise.resolve().then(() => context.callOut(OUTGOING_HANDLE, [message]));
        return new FutureIncomingResponse(response as Promise<HttpResponse>, limits, toErrorCode);
      },
    },
  };
}

/** What a failed request looks like to a guest. */
function toErrorCode(error: unknown): ErrorCode {
  if (error instanceof WitError) return error.payload as ErrorCode;
  if (!isFault(error)) return internalError(error instanceof Error ? error.message : String(error));
  if (error.code === "denied") return { tag: "HTTP-request-denied" };
  if (error.code === "timeout") return { tag: "HTTP-response-timeout" };
  return internalError(error.message);
}
