// One request and its response on one connection: both directions at once, since a server may answer before it has read
// everything. Whatever goes wrong closes the connection; only a clean end gives it back.

import type { HttpResponse } from "../../src/model/http.ts";
import { bound, type Connection } from "./connection.ts";
import { brokenError, httpError } from "./error_codes.ts";
import { BodyFailed, type Outgoing, send } from "./request.ts";
import { readResponse } from "./response.ts";

/** Bounds of an exchange, and who hears of its end. */
export interface ExchangeNeeds {
  method: string;
  /** From the request's last byte to the end of the response's head. */
  firstByteMs: number;
  betweenBytesMs: number;
  /**
   * Called once after a response came, when its body is over too: the connection is free (`isReusable`) or closed. Not
   * called where there is no response.
   */
  onEnd(isReusable: boolean): void;
}

/** Sends the request and resolves with the response once its head is there; throws an error code. */
export async function exchange(
  connection: Connection,
  outgoing: Outgoing,
  needs: ExchangeNeeds,
): Promise<HttpResponse> {
  let isSent = false;
  let isOver = false;
  connection.hasRead = false;
  const end = (isReusable: boolean) => {
    if (isOver) return;
    isOver = true;
    connection.uses++;
    // An answer to half a request leaves the other half on the line.
    const isClean = isReusable && isSent;
    if (!isClean) connection.close();
    needs.onEnd(isClean);
  };
  try {
    const sending = send(connection, outgoing, needs.betweenBytesMs).then(() => void (isSent = true));
    const answer = readResponse(connection, {
      method: needs.method,
      firstByteMs: Infinity,
      betweenBytesMs: needs.betweenBytesMs,
      onEnd: end,
    });
    // Read below in any case; a rejection in between is not unhandled.
    answer.catch(() => {});
    await Promise.race([answer, sending]).catch((error) => {
      // A server may answer and hang up while we still send: what it said counts.
      if (error instanceof BodyFailed) throw error;
    });
    return await bound(
      answer,
      needs.firstByteMs,
      () => httpError("HTTP-response-timeout"),
      () => connection.close(),
    );
  } catch (error) {
    isOver = true;
    connection.close();
    throw error instanceof BodyFailed ? httpError("internal-error", error.message) : brokenError(error);
  }
}
