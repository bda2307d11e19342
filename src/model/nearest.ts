// "Did you mean …": the known word nearest to a misspelt one. Used wherever a name from a closed list is refused.

/** Longest word compared; the cost grows with the square. */
const WORD_LENGTH_MAX = 64;
/** Names compared, and names listed, at most. */
const KNOWN_MAX = 1_000;
const LISTED_MAX = 20;

/** The word of `known` within a third of its letters of `word`, or undefined when none is near. */
export function findNearest(word: string, known: readonly string[]): string | undefined {
  if (word.length === 0 || word.length > WORD_LENGTH_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = Infinity;
  const flat = flatten(word);
  for (const candidate of known.slice(0, KNOWN_MAX)) {
    const allowed = Math.min(Math.max(1, Math.floor(candidate.length / 3)), bestDistance - 1);
    if (Math.abs(candidate.length - word.length) > allowed + 2) continue;
    const distance = editDistance(flat, flatten(candidate));
    if (distance <= allowed) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean "x"?`, or the list of what is known when nothing is near. */
export function suggest(word: string, known: readonly string[]): string {
  const nearest = findNearest(word, known);
  if (nearest !== undefined) return `did you mean ${JSON.stringify(nearest)}?`;
  if (known.length === 0) return "there is nothing by that name to choose from";
  const rest = known.length > LISTED_MAX ? `, and ${known.length - LISTED_MAX} more` : "";
  return `known here: ${known.slice(0, LISTED_MAX).join(", ")}${rest}`;
}

/** Spelling differences that are no difference to a reader: case, `-` and `_`. */
function flatten(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        current[j] = Math.min(current[j], twoBack[j - 2] + 1);
      }
    }
    twoBack = previous;
    previous = current;
  }
  return previous[b.length];
}
