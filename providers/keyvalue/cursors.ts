// Where key listings go on. A cursor of 0.2.0-draft is a u64, a place in a listing is a key: a cursor is made from the
// bucket and the last key of a page (so the same place has the same cursor), and what it stands for is remembered here
// and, for other cells and later starts, in a bucket of the host's own.
//
// Promise: keys come in byte order and a listing goes on right behind the last key it gave, whatever was set or deleted
// since. So a key that is there all the while comes once, and none comes twice. Remembered are the places last given out,
// some thousands; an older cursor is refused, never read as another place.

import { createHash } from "node:crypto";
import type { Store } from "../../src/model/ports.ts";

/** Places remembered in this cell: 4,000 listings under way at once, 4 MB with the longest keys. */
const IN_MEMORY_MAX = 4_000;
/** Places remembered on the disk, one per slot: 16 MB at most. A later place takes over its slot. */
const SLOTS = 16_384n;

interface Place {
  cursor: string;
  bucket: string;
  key: string;
}

/** The places of all listings under way. */
export class ListingCursors {
  readonly #store: Store;
  readonly #bucket: string;
  readonly #places = new Map<bigint, Place>();

  constructor(store: Store, bucket: string) {
    this.#store = store;
    this.#bucket = bucket;
  }

  /** A cursor for the place right behind `key`. */
  give(bucket: string, key: string): bigint {
    const cursor = makeCursor(bucket, key);
    const place = { cursor: `${cursor}`, bucket, key };
    if (this.#places.delete(cursor)) {
      // Known, and thereby saved: only its turn to be forgotten changes.
      this.#places.set(cursor, place);
      return cursor;
    }
    this.#remember(cursor, place);
    // Nobody waits for this, and a failure costs little: this cell knows the place anyway.
    this.#store.transact((transaction) => {
      transaction.set(this.#bucket, slotOf(cursor), new TextEncoder().encode(JSON.stringify(place)));
    }).catch(() => {});
    return cursor;
  }

  /** The key that a cursor of this bucket stands behind; undefined if it is not known (any more). */
  find(bucket: string, cursor: bigint): string | undefined {
    const place = this.#places.get(cursor) ?? this.#read(cursor);
    return place?.bucket === bucket ? place.key : undefined;
  }

  #read(cursor: bigint): Place | undefined {
    const saved = this.#store.get(this.#bucket, slotOf(cursor));
    if (!saved) return undefined;
    const place = JSON.parse(new TextDecoder().decode(saved)) as Place;
    if (place.cursor !== `${cursor}`) return undefined;
    this.#remember(cursor, place);
    return place;
  }

  #remember(cursor: bigint, place: Place): void {
    if (this.#places.size >= IN_MEMORY_MAX) this.#places.delete(this.#places.keys().next().value!);
    this.#places.set(cursor, place);
  }
}

/** 63 bits, so that a guest may keep it in a signed number, and never 0, which some take for "from the start". */
function makeCursor(bucket: string, key: string): bigint {
  const digest = createHash("sha256").update(JSON.stringify([bucket, key])).digest();
  return digest.readBigUInt64BE(0) >> 1n || 1n;
}

function slotOf(cursor: bigint): string {
  return `${cursor % SLOTS}`;
}
