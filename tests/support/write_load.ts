// Clients that write without pause and remember what they were told. Against what a host holds afterwards their book
// shows a lost write (acknowledged, not there), a doubled one (there twice) and an invented one (never asked for).

import assert from "node:assert/strict";

interface Todo {
  id: number;
  title: string;
}

/** Writes through the fixtures `todo` at /todos and `count` at /count, each client one request at a time. */
export class WriteLoad {
  readonly #url: string;
  readonly #asked = new Set<string>();
  readonly #acknowledged = new Map<string, number>();
  #incrementsAsked = 0;
  readonly #numbers = new Set<number>();
  #doubled: number | undefined;
  #writes = 0;
  readonly #client = Deno.createHttpClient({ poolMaxIdlePerHost: 32 });

  constructor(url: string) {
    this.#url = url;
  }

  /** Acknowledged writes so far. */
  get writes(): number {
    return this.#writes;
  }

  /** Todos the host may hold: as many as were asked for since the list was empty. */
  get todosAsked(): number {
    return this.#asked.size;
  }

  /** Runs `clients` writers of each kind until `signal` ends them; a request in flight is waited for. */
  async run(clients: number, signal: AbortSignal): Promise<void> {
    const loops = Array.from({ length: clients }, () => [
      this.#repeat(signal, () => this.#addTodo()),
      this.#repeat(signal, () => this.#increment()),
    ]);
    await Promise.all(loops.flat());
  }

  /** Compares the book with the host. */
  async verify(): Promise<void> {
    const todos = await this.#read<Todo[]>("/todos");
    const found = new Map(todos.map(({ title, id }) => [title, id]));
    const twice = todos.filter(({ title, id }) => found.get(title) !== id);
    assert.deepEqual(twice, [], "a title is there twice: a write was doubled");
    for (const title of found.keys()) assert.ok(this.#asked.has(title), `nobody asked for "${title}"`);
    for (const [title, id] of this.#acknowledged) {
      assert.equal(found.get(title), id, `the acknowledged todo "${title}" is lost or changed`);
    }
    assert.equal(this.#doubled, undefined, "one number was given to two increments: one of them is lost");
    const count = await this.#read<number>("/read");
    const highest = Math.max(0, ...this.#numbers);
    assert.ok(count >= highest, `the counter fell from ${highest} to ${count}`);
    assert.ok(
      count >= this.#numbers.size,
      `${this.#numbers.size} increments were acknowledged, ${count} kept`,
    );
    assert.ok(count <= this.#incrementsAsked, `${this.#incrementsAsked} were asked for, ${count} happened`);
  }

  /** Empties the list, so that it stays quick to read; the counter goes on. */
  async forgetTodos(): Promise<void> {
    const response = await fetch(`${this.#url}/todos`, { method: "DELETE", client: this.#client });
    await response.body?.cancel();
    assert.equal(response.status, 204);
    this.#acknowledged.clear();
    this.#asked.clear();
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #repeat(signal: AbortSignal, write: () => Promise<boolean>): Promise<void> {
    while (!signal.aborted) {
      // A refused connection fails at once: without a pause it would be asked again a thousand times.
      if (!await write().catch(() => false)) await pause(10);
    }
  }

  async #addTodo(): Promise<boolean> {
    const title = crypto.randomUUID();
    this.#asked.add(title);
    const response = await this.#post("/todos", JSON.stringify({ title }));
    const text = await response.text();
    if (response.status !== 201) return false;
    this.#acknowledged.set(title, (JSON.parse(text) as Todo).id);
    this.#writes++;
    return true;
  }

  async #increment(): Promise<boolean> {
    this.#incrementsAsked++;
    const response = await this.#post("/count", "");
    const text = await response.text();
    if (response.status !== 200) return false;
    const number = Number(text);
    if (this.#numbers.has(number)) this.#doubled = number;
    this.#numbers.add(number);
    this.#writes++;
    return true;
  }

  /** A body that comes as a stream is sent once. Any other request Deno 2.9 repeats on a connection that broke. */
  #post(path: string, text: string): Promise<Response> {
    const body = new Blob([text]).stream();
    return fetch(`${this.#url}${path}`, { method: "POST", body, client: this.#client });
  }

  async #read<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, { client: this.#client });
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as T;
  }
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
