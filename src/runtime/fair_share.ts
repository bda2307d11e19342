// Turns on the one thread all guests of a cell share. A guest whose slice is used up waits here; one such guest goes on
// per turn of the event loop, so that requests of others get in between however many guests are hungry.

import { setImmediate } from "node:timers";

const waiting: (() => void)[] = [];
let head = 0;
let isScheduled = false;

function release(): void {
  isScheduled = false;
  const next = waiting[head++];
  if (head > 1024 && head * 2 > waiting.length) {
    waiting.splice(0, head);
    head = 0;
  }
  if (head < waiting.length) schedule();
  next?.();
}

function schedule(): void {
  isScheduled = true;
  setImmediate(release);
}

/** Resolves when it is this guest's turn: at the earliest after pending I/O was looked at. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (!isScheduled) schedule();
  });
}

let shared: Promise<void> | undefined;

/** Resolves once pending I/O was looked at; all who ask within one turn go on together. */
export function eventLoopTurn(): Promise<void> {
  return shared ??= new Promise((resolve) =>
    setImmediate(() => {
      shared = undefined;
      resolve();
    })
  );
}
