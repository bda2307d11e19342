// What goes back over HTTP: a component's answer, or a fault in the form of the FAULTS table. This is the HTTP door of
// faults; nothing of a failure but its code and message leaves by it.

import { WitError } from "../../src/model/call.ts";
import { type FaultCode, FAULTS, isFault } from "../../src/model/fault.ts";
import { CONNECTION_FIELDS, type HttpFields, type HttpResponse } from "../../src/model/http.ts";

/** Statuses that HTTP defines to have no body; a Response with one cannot be made. */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 304 || status === 205;
}

/** The Response for a component's answer. `isHead`: the body is not sent, the header fields are the same. */
export function toResponse(answer: HttpResponse, isHead: boolean): Response {
  const { status, headers, body } = answer;
  if (isHead) return toHeadResponse(answer);
  if (body === null || hasNoBody(status)) {
    if (body instanceof ReadableStream) void body.cancel().catch(() => {});
    // A 304 tells the length of what the client has already.
    return new Response(null, { status, headers: cleanFields(headers, status === 304) });
  }
  const isBytes = body instanceof Uint8Array;
  if (!isBytes) return new Response(body, { status, headers: cleanFields(headers, true) });
  // Deno answers fastest when told nothing but a content type, in this very form.
  if (headers.length === 1 && headers[0][0] === "content-type") {
    return new Response(body as Uint8Array<ArrayBuffer>, {
      status,
      headers: { "content-type": headers[0][1] },
    });
  }
  // The server counts bytes itself; a length that is wrong would leave the client waiting.
  return new Response(body as Uint8Array<ArrayBuffer>, { status, headers: cleanFields(headers, false) });
}

/** What GET would have been answered with, without its body. A length is stated only where it is known. */
function toHeadResponse({ status, headers, body }: HttpResponse): Response {
  const fields = cleanFields(headers, true);
  if (body instanceof ReadableStream) void body.cancel().catch(() => {});
  if (hasNoBody(status) || hasField(fields, "content-length")) {
    return new Response(null, { status, headers: fields });
  }
  if (body instanceof Uint8Array) {
    return new Response(null, { status, headers: [...fields, ["content-length", String(body.length)]] });
  }
  // Told of no body at all, Deno would state a length of 0.
  const unknown = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  return new Response(unknown, { status, headers: fields });
}

/** The fields that a component may set; the list itself where it holds no other. */
function cleanFields(fields: HttpFields, keepLength: boolean): HttpFields {
  for (const [name] of fields) {
    if (isKept(name, keepLength)) continue;
    return fields.filter(([other]) => isKept(other, keepLength));
  }
  return fields;
}

function isKept(name: string, keepLength: boolean): boolean {
  return keepLength || name !== "content-length" ? !CONNECTION_FIELDS.has(name) : false;
}

function hasField(fields: HttpFields, name: string): boolean {
  return fields.some(([other]) => other === name);
}

/** The Response for a failed request. */
export function toFaultResponse(error: unknown, isHead = false): Response {
  if (isFault(error)) return faultResponse(FAULTS[error.code].http, error.code, error.message, isHead);
  if (error instanceof WitError) {
    return faultResponse(502, "trapped", `the component answered with the error ${error.message}`, isHead);
  }
  return faultResponse(500, "bug", "the host failed to carry this out; its log says more", isHead);
}

/** Refuses a request before any component is asked. */
export function refuse(
  code: FaultCode,
  message: string,
  options: { status?: number; headers?: HttpFields; isHead?: boolean } = {},
): Response {
  return faultResponse(options.status ?? FAULTS[code].http, code, message, options.isHead, options.headers);
}

function faultResponse(
  status: number,
  code: FaultCode | "bug",
  message: string,
  isHead = false,
  more: HttpFields = [],
): Response {
  return new Response(isHead ? null : `${code}: ${message}\n`, {
    status,
    headers: [
      ["content-type", "text/plain;charset=UTF-8"],
      ["x-content-type-options", "nosniff"],
      ["x-holdfast-fault", code],
      ...more,
    ],
  });
}
